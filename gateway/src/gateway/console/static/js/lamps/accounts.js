// For administrators: disable an account, whose lamps go dark in the window in which it is logged in; enable it again.

import { sentence } from "../api.js";
import { h, newId } from "../dom.js";
import { confirmed } from "../parts.js";

export async function mountAccounts(root, app, failed) {
  const { ok, body } = await app.api("/users?limit=100");
  const others = ok ? body.items.filter(({ sub }) => sub !== app.session.sub) : [];
  const id = newId("account");
  const select = h("select", { id }, others.map(({ sub, name }) => h("option", { value: sub }, name || sub)));
  const result = h("p", { class: "soft" }, "");
  const name = () => select.selectedOptions[0].textContent;

  async function change(verb, done) {
    const answer = await app.api(`/admin/accounts/${encodeURIComponent(select.value)}/${verb}`, { method: "POST" });
    if (!answer.ok) return failed(sentence(answer));
    result.textContent = done;
    app.announce(done);
  }

  async function disable() {
    const text = `${name()} is logged out everywhere, and cannot log in until you press “Enable again”.`;
    if (await confirmed({ title: `Disable ${name()}?`, text, yes: "Disable this account" })) await change("disable", `${name()} is disabled. “Enable again” undoes it; the ended sessions stay ended.`);
  }

  const controls = [
    h("label", { for: id }, "Account"),
    select,
    h("button", { class: "danger", type: "button", onclick: disable }, "Disable this account"),
    h("button", { class: "second", type: "button", onclick: () => change("enable", `${name()} can log in again.`) }, "Enable again"),
  ];
  root.append(
    h(
      "section",
      { class: "card", "aria-labelledby": "disable" },
      h("h2", { id: "disable" }, "Disable an account"),
      h("p", {}, "You cannot disable your own account. Open a private window, log in there with another one and put this page beside it: its lights go out when you disable that account here."),
      others.length ? h("div", { class: "actions" }, controls) : h("p", { class: "soft" }, "There is no other profile yet: it is made when an account is used for the first time."),
      result,
    ),
  );
}
