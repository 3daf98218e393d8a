import { h } from "../dom.js";
import { accountSessions } from "../sessions/accounts.js";
import { ownSessions } from "../sessions/own.js";

export const section = {
  id: "sessions",
  title: "Sessions",
  needs: "session",
  mount(root, app) {
    root.append(
      h("p", {}, "Each log-in begins a session. Its end reaches every service at once: all its tokens are refused."),
      h("section", { class: "card", "aria-labelledby": "own" }, h("h2", { id: "own" }, "My sessions"), ownSessions(app)),
      h(
        "section",
        { class: "card", "aria-labelledby": "accounts" },
        h("h2", { id: "accounts" }, "Sessions of accounts"),
        app.hasScope("admin") ? accountSessions(app) : h("p", { class: "soft" }, "Administrators see the sessions of all accounts here, end them, and disable accounts. Your token does not have the scope ", h("code", {}, "admin"), "."),
      ),
    );
  },
};
