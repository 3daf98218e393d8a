// Forged tokens, and what each process answers to them. The gateway makes and sends them: no token comes to this page.

import { h, newId, table } from "../dom.js";
import { failure } from "../parts.js";

const processes = (count) => `${count} ${count === 1 ? "process" : "processes"}`;
const listed = (texts) => [texts.slice(0, -1).join(", "), texts.at(-1)].filter(Boolean).join(" and ");

// What an answer means: `kind` is that of a tag. An empty list of expected reasons is that of a valid token.
function judged({ expected }, { verdict, slug }) {
  if (verdict === "unknown") return { kind: "warn", text: "no answer" };
  if (expected.length === 0) return verdict === "accepted" ? { kind: "good", text: "accepted" } : { kind: "bad", text: "refused: this is a fault" };
  if (verdict === "accepted") return { kind: "bad", text: "accepted: this is a fault" };
  return expected.includes(slug) ? { kind: "good", text: "refused" } : { kind: "warn", text: "refused for another reason" };
}

// Return `[kind, sentence]` about all answers to one attack.
function summary(attack, answers) {
  const kinds = answers.map((answer) => judged(attack, answer).kind);
  const count = (kind) => kinds.filter((each) => each === kind).length;
  const wanted = attack.expected.length ? "refused" : "accepted";
  if (count("bad")) return ["bad", attack.expected.length ? `Accepted by ${processes(count("bad"))}: this is a fault` : `Refused by ${processes(count("bad"))}: this is a fault`];
  if (count("warn")) return ["warn", `As expected ${wanted} by ${count("good")} of ${processes(kinds.length)}; look at the others`];
  return ["good", `${wanted[0].toUpperCase()}${wanted.slice(1)} by all ${processes(kinds.length)}`];
}

const text = (value) => (typeof value === "string" ? value : JSON.stringify(value));

function members(title, part, values, changed) {
  const rows = Object.entries(values).map(([name, value]) => {
    const marked = changed.includes(`${part}.${name}`);
    return h("div", { class: marked ? "member changed" : "member" }, h("dt", {}, name), h("dd", {}, marked ? h("mark", {}, text(value)) : text(value), marked && h("span", { class: "tag warn" }, "changed")));
  });
  return h("div", {}, h("h3", {}, title), h("dl", { class: "members" }, rows));
}

// The changed members in one line, and all of them on demand.
function sent({ header, claims, changed }) {
  const differ = changed.filter((name) => name !== "signature").map((name) => name.split(".")[1]);
  const signature = changed.includes("signature") && "the signature";
  return h(
    "details",
    { class: "sent" },
    h("summary", {}, changed.length ? `What was sent: ${listed([...differ, signature].filter(Boolean))} changed` : "What was sent: nothing changed"),
    h("div", { class: "parts" }, members("Header", "header", header, changed), members("Claims", "claims", claims, changed)),
  );
}

function answersTable(attack, answers) {
  const rows = answers.map((answer) => {
    const { kind, text: verdict } = judged(attack, answer);
    const reason = [answer.slug && h("code", {}, answer.slug), " ", answer.detail];
    return [
      [h("strong", {}, answer.service), " ", h("span", { class: "soft address" }, answer.process)],
      h("span", { class: `tag ${kind}` }, verdict),
      [h("span", { class: "number" }, String(answer.status)), " ", reason],
      h("span", { class: "number" }, `${answer.ms.toFixed(1)} ms`),
    ];
  });
  return table(`Answers to: ${attack.title}`, ["Process", "Verdict", "Reason", "Time"], rows);
}

// Call `work` at a click, but not again while it runs. A disabled button would lose the focus.
const once = (work) => async ({ currentTarget: button }) => {
  if (button.getAttribute("aria-disabled")) return;
  button.setAttribute("aria-disabled", "true");
  try {
    await work();
  } finally {
    button.removeAttribute("aria-disabled");
  }
};

function card(attack, app) {
  const heading = newId("attack");
  const result = h("div", { class: "result" });
  const button = h("button", { type: "button", class: "second", disabled: attack.unavailable !== null, "aria-label": `Send: ${attack.title}`, onclick: once(send) }, "Send");

  async function send() {
    const answer = await app.api(`/console/attacks/${attack.id}`, { method: "POST" });
    if (!answer.ok) {
      result.replaceChildren(failure(answer));
      return null;
    }
    const { answers } = answer.body;
    const [kind, sentence] = summary(attack, answers);
    result.replaceChildren(h("p", { class: `verdict ${kind}` }, sentence), answersTable(attack, answers), sent(answer.body));
    app.announce(`${attack.title}: ${sentence}.`);
    return kind;
  }

  const root = h(
    "section",
    { class: "card attack", "aria-labelledby": heading },
    h("div", { class: "head" }, h("h2", { id: heading }, attack.title), h("span", { class: "soft reference" }, attack.reference), button),
    h("p", {}, attack.what, " ", h("span", { class: "soft" }, attack.why)),
    attack.unavailable && h("p", { class: "notice" }, attack.unavailable),
    result,
  );
  return { root, send: attack.unavailable === null ? send : null };
}

function page(attacks, app) {
  const cards = attacks.map((attack) => card(attack, app));
  const total = h("p", { class: "total" });
  const all = h("button", { type: "button", class: "big", onclick: once(sendAll) }, "Send them all");

  async function sendAll() {
    total.textContent = "Sending …";
    const kinds = [];
    for (const { send } of cards.filter((each) => each.send)) kinds.push(await send());
    const asExpected = kinds.filter((kind) => kind === "good").length;
    total.textContent = `${asExpected} of ${kinds.length} went as they must.`;
    app.announce(total.textContent);
  }

  return [h("div", { class: "actions" }, all, total), cards.map((each) => each.root)];
}

export const section = {
  id: "attacks",
  title: "Attacks",
  needs: "session",
  mount(root, app) {
    let stopped = false;

    async function load() {
      const answer = await app.api("/console/attacks");
      if (stopped) return;
      root.replaceChildren(
        h("p", { class: "lead" }, "Can a changed or invented token open anything here? Each button makes the gateway forge a token from yours and send it straight to every process of every service."),
        ...(answer.ok ? page(answer.body.items, app).flat() : [failure(answer, load)]),
      );
    }

    load();
    return () => (stopped = true);
  },
};
