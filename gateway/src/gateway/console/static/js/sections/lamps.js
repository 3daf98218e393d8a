import { sentence } from "../api.js";
import { h } from "../dom.js";
import { mountAccounts } from "../lamps/accounts.js";
import { createHistory } from "../lamps/history.js";
import { createLamp, duration } from "../lamps/lamp.js";
import { createPlainLane, createRecordedLanes } from "../lamps/lanes.js";
import { watchProcesses } from "../lamps/process_stream.js";
import { startRun } from "../lamps/run.js";
import { mountSwitches } from "../lamps/stopped_services.js";
import { createStopwatch } from "../lamps/stopwatch.js";
import { confirmed, logInLink } from "../parts.js";
import { LOG_OUT_EVENT } from "../session.js";

const keyOf = ({ service, address }) => `${service} ${address}`;
const processes = (count) => (count === 1 ? "the one process" : `all ${count} processes`);

function outcome({ what, complete, count, refused, last, acknowledged }) {
  const told = acknowledged === null ? "" : ` The request was acknowledged after ${duration(acknowledged)}.`;
  if (!complete) return `${what}: ${refused} of ${count} processes refuse the token so far.${told}`;
  return `${what} reached ${processes(count)} after ${duration(last)}.${told}`;
}

const REASONS = {
  expired_token: "expired",
  unknown_key: "refuses: its key is gone",
};

function mount(root, app) {
  const stopwatch = createStopwatch();
  const history = createHistory();
  const plain = createPlainLane();
  const services = h("div", { class: "services" });
  const summary = h("p", { class: "summary" }, "Asking each process …");
  const asked = h("p", { class: "asked number", "aria-hidden": "true" });
  const controls = h("div", { class: "actions" });
  const problem = h("p", { class: "notice bad", role: "alert", hidden: true });
  const lanes = h("ul", { class: "lanes" }, plain.element);
  const lanesNote = h("p", { class: "soft" });
  const switches = h("div", {});
  const accounts = h("div", {});
  const stage = h("section", { class: "stage", "aria-label": "Processes" });
  const lamps = new Map();
  let recorded = null;
  let run = null;
  let dark = []; // the times of the refusals that no click here has caused

  const litKeys = () => [...lamps].filter(([, lamp]) => lamp.state === "accepted").map(([key]) => key);

  function fail(text) {
    problem.textContent = text ?? "";
    problem.hidden = !text;
  }

  function showSummary() {
    const lit = litKeys().length;
    stage.dataset.lit = lit ? "some" : "none";
    if (run) return;
    if (dark.length && lit === 0) {
      const spread = dark.at(-1) - dark[0];
      summary.textContent = `The token was refused, and not by a click here. From the first refusal to the last it took ${duration(spread)}.`;
      return;
    }
    summary.textContent = lit === lamps.size ? `${lit} processes accept your token.` : `${lit} of ${lamps.size} processes accept your token.`;
  }

  function showRun() {
    summary.textContent = run.complete ? outcome(run) : `${run.refused} of ${run.count} processes refuse the token …`;
  }

  function finished(ended) {
    stopwatch.stop(ended.complete ? ended.last : undefined);
    summary.textContent = outcome(ended);
    app.announce(summary.textContent);
    history.add(ended);
  }

  // Start the stopwatch, call `act`, and show what becomes of the lamps.
  async function measure(what, act) {
    const keys = litKeys();
    if (!keys.length) return fail("No process accepts a token now, so there is nothing to measure.");
    fail(null);
    dark = [];
    run = startRun(what, keys, finished);
    stopwatch.start(run.begun);
    recorded?.play();
    showRun();
    const mine = run;
    const answer = await act();
    if (answer.ok) return mine.acknowledge();
    mine.abandon();
    run = null;
    recorded?.reset();
    stopwatch.stop();
    fail(`${what} did not succeed. ${sentence(answer)}`);
    showSummary();
  }

  const onLogOut = (event) => measure("Log-out", () => event.detail);

  async function everywhere() {
    const text = "This ends all sessions of your account, in this browser and in every other.";
    if (!(await confirmed({ title: "Log out everywhere?", text, yes: "Log out everywhere" }))) return;
    await measure("Log-out everywhere", () => app.api("/logout/all", { method: "POST" }));
    await app.refreshSession();
  }

  async function withdraw() {
    const { kid } = app.session.header;
    const text = [
      "Every token that this key has signed is refused at once, those of all people. Their sessions go on: a client gets another token with its refresh token, and so does this page.",
      "This cannot be undone; a new key takes its place.",
    ];
    if (!(await confirmed({ title: "Withdraw the key?", text, yes: "Withdraw the key" }))) return;
    await measure("Withdrawal of the key", () => app.api(`/admin/keys/${encodeURIComponent(kid)}`, { method: "DELETE" }));
    await app.refreshSession();
    showControls();
  }

  function again() {
    run = null;
    dark = [];
    recorded?.reset();
    stream.again();
    showControls();
  }

  function showControls() {
    if (!app.session.authenticated) {
      controls.replaceChildren(h("p", {}, "You are logged out."), logInLink("#log-out", "Log in again and repeat"));
      return;
    }
    const button = (text, style, onclick) => h("button", { class: style, type: "button", onclick }, text);
    controls.replaceChildren(
      button("Log out", "big", () => app.logOut()),
      button("Log out everywhere …", "second", everywhere),
      ...(app.hasScope("admin") ? [button("Withdraw the key …", "second", withdraw)] : []),
      ...(run ? [button("Light the lamps again", "second", again)] : []),
    );
  }

  function place(process) {
    const key = keyOf(process);
    if (lamps.has(key)) return;
    const lamp = createLamp(process.address);
    const id = `service-${process.service}`;
    lamps.set(key, lamp);
    const list = services.querySelector(`#${CSS.escape(id)}`);
    if (list) list.append(lamp.element);
    else services.append(h("section", { class: "service" }, h("h3", {}, process.service), h("ul", { class: "lamps", id }, lamp.element)));
  }

  const handlers = {
    processes({ processes: all, expires_at: expiresAt }) {
      const own = all.filter(({ lane }) => lane === "jwt");
      const keys = new Set(own.map(keyOf));
      if ([...lamps.keys()].some((key) => !keys.has(key))) {
        lamps.clear();
        services.replaceChildren();
      }
      own.forEach(place);
      dark = [];
      plain.start(expiresAt);
    },
    process(change) {
      const { lane, state, slug } = change;
      if (lane === "jwt_plain") return plain.show(state);
      const key = keyOf(change);
      const lamp = lamps.get(key);
      const wasLit = lamp.state === "accepted";
      const after = state === "refused" ? run?.darkened(key) : undefined;
      lamp.show(state, { note: REASONS[slug], after });
      if (state === "refused" && wasLit && after === undefined) dark.push(performance.now());
      if (run && !run.complete) showRun();
      showSummary();
    },
    alive({ polls }) {
      asked.textContent = `Asked ${new Intl.NumberFormat().format(polls)} times so far.`;
    },
    end(reason) {
      if (reason === "expired" && !app.session.authenticated) {
        plain.show("refused", { note: "expired" });
        lamps.forEach((lamp) => lamp.state === "accepted" && lamp.show("refused", { note: "expired" }));
      }
    },
  };

  stage.append(
    h("div", { class: "console" }, h("div", { class: "reading" }, stopwatch.element, summary, asked), controls),
    services,
  );
  root.append(
    h("p", { class: "lead" }, "Each lamp is a process, asked with your token all the time. Press “Log out” and see how long each takes to refuse it."),
    problem,
    stage,
    switches,
    h(
      "section",
      { class: "card", "aria-labelledby": "lanes" },
      h("h2", { id: "lanes" }, "The same click, with other ways to check a session"),
      lanes,
      lanesNote,
    ),
    history.element,
    accounts,
  );
  showControls();

  const stream = watchProcesses(app, handlers, fail, () => run && !run.complete);
  const forget = app.onSession(showControls);
  window.addEventListener(LOG_OUT_EVENT, onLogOut);
  createRecordedLanes(app.api).then((found) => {
    if (!found) return;
    recorded = found;
    lanes.append(...found.elements);
    lanesNote.textContent = found.made;
  });
  mountSwitches(switches, app, fail);
  if (app.hasScope("admin")) mountAccounts(accounts, app, fail);
  return () => {
    stream.stop();
    plain.stop();
    forget();
    window.removeEventListener(LOG_OUT_EVENT, onLogOut);
  };
}

export const section = {
  id: "log-out",
  title: "Press log-out and watch the lights go out",
  needs: "session",
  outlivesSession: true, // what a log-out does is shown after it
  mount,
};
