import { h } from "../dom.js";
import { confirmed, failure } from "../parts.js";
import { moment, relative, seconds } from "../times.js";

const CHECK_MS = 5000;
// In the order of a key's life.
const STATES = [
  ["next", "Next", "Published, but it does not sign yet: every service gets it before the first token that it signs.", "warn"],
  ["current", "Current", "Signs each token and each status list.", "good"],
  ["retired", "Retired", "Signs no more. It stays published until the last token that it signed has expired.", ""],
];
const EFFECTS = {
  next: "It has not signed anything yet, so no token is refused.",
  current: "Every token that it signed is refused everywhere at once. Another key signs from now on; if there is none, one is made at once.",
  retired: "The tokens that it signed and that have not expired yet are refused everywhere at once.",
};

const time = (name, text) => text && [h("dt", {}, name), h("dd", {}, h("time", { "data-at": seconds(text) }))];

function card(key, withdraw) {
  return h(
    "li",
    { class: "card key" },
    h("code", {}, key.kid),
    h("dl", {}, time("Published", key.created_at), time("Signs from", key.signs_from), time("Signs until", key.signs_until), time("Published until", key.published_until)),
    h("button", { class: "second small", type: "button", "aria-label": `Withdraw key ${key.kid}`, onclick: () => withdraw(key) }, "Withdraw"),
  );
}

export const section = {
  id: "keys",
  title: "Signing keys",
  needs: "admin",
  mount(root, app) {
    const line = h("div", { class: "line" });
    const result = h("div", { role: "status" });
    let last = "";

    function tick() {
      for (const each of line.querySelectorAll("time")) each.textContent = `${moment(each.dataset.at)} (${relative(each.dataset.at)})`;
    }

    async function load() {
      const answer = await app.api("/admin/keys");
      if (!answer.ok) {
        last = "";
        return line.replaceChildren(failure(answer, load));
      }
      const read = JSON.stringify(answer.body);
      if (read === last) return null; // keeps the focus where it is
      last = read;
      line.replaceChildren(
        ...STATES.map(([state, title, text, kind]) => {
          const keys = answer.body.keys.filter((key) => key.state === state);
          const none = h("p", { class: "soft" }, "None.");
          return h("section", { class: "key-state" }, h("h2", {}, h("span", { class: `tag ${kind}` }, title)), h("p", { class: "soft" }, text), keys.length ? h("ul", {}, keys.map((key) => card(key, withdraw))) : none);
        }),
      );
      return tick();
    }

    async function change(done, path, method) {
      const answer = await app.api(path, { method });
      result.replaceChildren(answer.ok ? h("p", { class: "notice good" }, done) : failure(answer));
      await app.refreshSession();
      await load();
    }

    async function rotate() {
      const text = "A new key is published now, and signs as soon as every service has it. No token is refused, and no one is logged out.";
      if (await confirmed({ title: "Rotate the keys?", text, yes: "Rotate" })) await change("A new key is published.", "/admin/keys/rotate", "POST");
    }

    async function withdraw({ kid, state }) {
      const title = `Withdraw the ${state} key?`;
      const own = kid === app.session.header.kid ? "It signed your token as well: the gateway gets another one, and your session goes on." : "";
      const text = ["For a key that may be compromised.", `${EFFECTS[state]} ${own}`, "This cannot be undone."];
      if (await confirmed({ title, text, yes: "Withdraw" })) await change(`The key ${kid} is withdrawn.`, `/admin/keys/${kid}`, "DELETE");
    }

    root.append(
      h("p", {}, "Each token is signed by a key of auth-service. A key goes through three states, by the clock alone:"),
      h("p", { class: "actions" }, h("button", { type: "button", onclick: rotate }, "Rotate: add a key")),
      result,
      line,
    );
    load();
    const timers = [setInterval(tick, 1000), setInterval(load, CHECK_MS)];
    return () => timers.forEach(clearInterval);
  },
};
