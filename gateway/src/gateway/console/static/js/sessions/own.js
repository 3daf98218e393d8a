// The user's own sessions.

import { h, table } from "../dom.js";
import { confirmed, failure } from "../parts.js";
import { moment, relative } from "../times.js";
import { device } from "./device.js";

const COLUMNS = ["Device", "Application", "Address", "Logged in", "Last use", "Action"];

export function ownSessions(app) {
  const root = h("div", {});

  async function end(session) {
    const text = `It was last used ${relative(session.last_used_at)}. Its tokens are refused everywhere at once, and the device has to log in again.`;
    if (!(await confirmed({ title: "End this session?", text, yes: "End it", no: "Keep it" }))) return;
    const answer = await app.api(`/account/sessions/${session.sid}`, { method: "DELETE" });
    if (answer.ok) app.announce("The session is ended.");
    await load();
    if (!answer.ok) root.prepend(failure(answer));
  }

  const row = (session) => [
    device(session.user_agent),
    session.client,
    session.address ?? "Unknown",
    moment(session.created_at),
    moment(session.last_used_at),
    session.current
      ? h("span", { class: "tag good" }, "This session")
      : h("button", { class: "second small", type: "button", onclick: () => end(session), "aria-label": `End the session of ${session.client}, last used ${moment(session.last_used_at)}` }, "End"),
  ];

  async function load() {
    const answer = await app.api("/account/sessions");
    root.replaceChildren(answer.ok ? table("My sessions", COLUMNS, answer.body.items.map(row)) : failure(answer, load));
  }

  load();
  return root;
}
