// Buttons that stop and start a service of the demo, to see what goes on without it.

import { sentence } from "../api.js";
import { h } from "../dom.js";

function switchOf(app, name, isStopped, failed) {
  const button = h("button", { class: "second", type: "button" });
  const text = h("p", {});
  let stopped = isStopped;

  function show() {
    button.textContent = stopped ? `Start ${name}` : `Stop ${name}`;
    text.textContent = stopped
      ? `${name} is stopped, so its own lamp shows no answer. The others stay lit: each service verifies the token by itself, with the keys and the status list that it has already. What needs ${name} waits: log-in, log-out and other changes.`
      : `Stop ${name} and look at the lamps: those of the other services stay lit.`;
  }

  button.addEventListener("click", async () => {
    button.disabled = true;
    const answer = await app.api(`/console/services/${name}/${stopped ? "start" : "stop"}`, { method: "POST" });
    button.disabled = false;
    if (!answer.ok) return failed(sentence(answer));
    stopped = answer.body.stopped.includes(name);
    show();
    app.announce(stopped ? `${name} is stopped. ${text.textContent}` : `${name} is starting.`);
  });
  show();
  return h("div", { class: "switch" }, text, button);
}

// A card for the services that can be stopped, none of them if there is none.
export async function mountSwitches(root, app, failed) {
  const { ok, body } = await app.api("/console/cluster");
  if (!ok || !body.can_stop.length) return;
  const switches = body.can_stop.map((name) => switchOf(app, name, body.stopped.includes(name), failed));
  root.append(h("section", { class: "card", "aria-labelledby": "switches" }, h("h2", { id: "switches" }, "What if a service is down?"), switches));
}
