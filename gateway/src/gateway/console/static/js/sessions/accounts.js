// For administrators: the sessions of all accounts or of one, and the account itself.

import { h, table } from "../dom.js";
import { confirmed, failure } from "../parts.js";
import { moment, seconds } from "../times.js";
import { device } from "./device.js";

const COLUMNS = ["Account", "Application", "Device", "Address", "Last use", "Action"];

export function accountSessions(app) {
  const input = h("input", { id: "subject", name: "sub", list: "subjects", autocomplete: "off", spellcheck: "false" });
  const subjects = h("datalist", { id: "subjects" });
  const result = h("div", { role: "status" });
  const list = h("div", {});
  const names = new Map([[app.session.sub, app.session.name]]);
  let items = [];
  let cursor = null;

  async function change(done, path, method) {
    const answer = await app.api(path, { method });
    result.replaceChildren(answer.ok ? h("p", { class: "notice good" }, done) : failure(answer));
    if (answer.ok) await load();
  }

  async function end({ sid, sub }) {
    const text = `A session of ${names.get(sub) ?? sub}. Its tokens are refused everywhere at once.`;
    if (await confirmed({ title: "End this session?", text, yes: "End it", no: "Keep it" })) await change("The session is ended.", `/admin/sessions/${sid}`, "DELETE");
  }

  async function setDisabled(disabled) {
    const sub = input.value.trim();
    const name = names.get(sub) ?? sub;
    const text = "All its sessions end at once, everywhere, and it cannot log in until it is enabled again.";
    if (disabled && !(await confirmed({ title: `Disable the account ${name}?`, text, yes: "Disable it" }))) return;
    const done = disabled ? `The account ${name} is disabled, and its sessions are ended.` : `The account ${name} is enabled: it can log in again.`;
    await change(done, `/admin/accounts/${encodeURIComponent(sub)}/${disabled ? "disable" : "enable"}`, "POST");
  }

  function choose(sub) {
    input.value = sub;
    load();
    input.focus();
  }

  function account(sub) {
    const label = names.get(sub) ?? `${sub.slice(0, 8)} …`;
    if (input.value.trim() === sub) return label;
    return h("button", { class: "second small", type: "button", title: sub, "aria-label": `Only ${label}`, onclick: () => choose(sub) }, label);
  }

  const row = (session) => [
    account(session.sub),
    session.client_id,
    device(session.user_agent),
    session.address ?? "Unknown",
    moment(seconds(session.last_used_at ?? session.auth_time)),
    session.sid === app.session.claims.sid
      ? h("span", { class: "tag good" }, "This session")
      : h("button", { class: "second small", type: "button", "aria-label": `End the session of ${names.get(session.sub) ?? session.sub} in ${session.client_id}`, onclick: () => end(session) }, "End"),
  ];

  function show() {
    const own = input.value.trim();
    const parts = [
      own && h("p", { class: "actions" }, h("button", { class: "danger", type: "button", onclick: () => setDisabled(true) }, "Disable the account"), h("button", { class: "second", type: "button", onclick: () => setDisabled(false) }, "Enable the account")),
      items.length ? table("Sessions of accounts", COLUMNS, items.map(row)) : h("p", { class: "soft" }, "There is no active session."),
      cursor && h("button", { class: "second", type: "button", onclick: add }, "Show more sessions"),
    ];
    list.replaceChildren(...parts.filter(Boolean));
  }

  async function add() {
    const sub = input.value.trim();
    const query = new URLSearchParams({ ...(sub && { sub }), ...(cursor && { cursor }) });
    const answer = await app.api(`/admin/sessions?${query}`);
    if (!answer.ok) return list.replaceChildren(failure(answer, load));
    items = [...items, ...answer.body.items];
    cursor = answer.body.next_cursor;
    return show();
  }

  function load() {
    items = [];
    cursor = null;
    return add();
  }

  // Names are those of the profiles; while these are not to be had there are the subjects.
  async function loadNames() {
    const answer = await app.api("/users?limit=100");
    for (const { sub, name } of answer.ok ? answer.body.items : []) {
      names.set(sub, name);
      subjects.append(h("option", { value: sub }, name));
    }
    if (names.size) show();
  }

  function search(event) {
    event.preventDefault();
    result.replaceChildren();
    load();
  }

  load().then(loadNames);
  return h(
    "div",
    {},
    h("form", { class: "search", onsubmit: search }, h("label", { for: "subject" }, "Account, by its subject"), input, h("button", {}, "Show its sessions"), subjects),
    result,
    list,
  );
}
