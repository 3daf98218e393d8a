// Parts that several sections use.

import { sentence } from "./api.js";
import { h } from "./dom.js";

// The address that logs in and comes back to `hash` of this page.
export function logInUrl(hash, hint) {
  const query = new URLSearchParams({ next: `/${hash}` });
  if (hint) query.set("login_hint", hint);
  return `/bff/login?${query}`;
}

export const logInLink = (hash, text = "Log in") => h("a", { class: "button", href: logInUrl(hash) }, text);

// A failed call as a sentence, with a button that tries it again.
export const failure = (answer, again) =>
  h("div", { class: "notice bad", role: "alert" }, h("p", {}, sentence(answer)), again && h("button", { class: "second", type: "button", onclick: again }, "Try again"));

// Ask before something that cannot be undone; return whether the answer was yes.
export function confirmed({ title, text, yes, no = "Cancel" }) {
  return new Promise((resolve) => {
    const heading = h("h2", { id: "dialog-title" }, title);
    const answer = (value) => h("button", { value, class: value ? "danger" : "second" }, value ? yes : no);
    const paragraphs = [text].flat().map((each) => h("p", {}, each));
    const form = h("form", { method: "dialog" }, heading, paragraphs, h("div", { class: "actions" }, answer(""), answer("yes")));
    const dialog = h("dialog", { "aria-labelledby": "dialog-title" }, form);
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
