// The page for people who are not logged in.

import { h } from "./dom.js";
import { logInUrl } from "./parts.js";

// `alice@example.com` is Alice.
const firstName = (email) => email[0].toUpperCase() + email.slice(1).split("@")[0];

function accounts({ demo_accounts: known, demo_password: password }, announce) {
  const copy = async () => {
    await navigator.clipboard.writeText(password);
    announce("Copied.");
  };
  const links = known.map(({ email }) =>
    h("li", {}, h("a", { class: "button second", href: logInUrl("", email) }, `Log in as ${firstName(email)}`), h("code", {}, email)),
  );
  return h(
    "section",
    { class: "card", "aria-labelledby": "demo" },
    h("h2", { id: "demo" }, "Accounts to try"),
    password && h("p", { class: "password" }, "The password of each is ", h("code", {}, password), " ", h("button", { class: "second small", type: "button", onclick: copy }, "Copy the password")),
    h("ul", { class: "accounts" }, links),
  );
}

const step = (title, text) => h("li", {}, h("strong", {}, title), " ", text);

export function mountWelcome(root, { cluster, announce }) {
  root.append(
    h(
      "div",
      { class: "hero" },
      h("h1", {}, "Log out, and every service knows it at once"),
      h("p", { class: "lead" }, "Touchstone is stateless auth for Flask microservices that can still be revoked. Each service behind this small shop checks your token by itself, and when you log out, all of them refuse it within milliseconds. Here you can watch that happen."),
      h("p", { class: "actions" }, h("a", { class: "button big", href: logInUrl("") }, "Log in"), h("a", { class: "button second big", href: "#shop" }, "Look at the shop")),
      h("p", { class: "soft" }, "Without a password: the log-in page can mail you a link or a code. It also leads to a new account."),
    ),
    cluster.demo && accounts(cluster, announce),
    h(
      "section",
      { class: "card", "aria-labelledby": "steps" },
      h("h2", { id: "steps" }, "In one minute"),
      h(
        "ol",
        {},
        step("Log in.", "Your browser gets one cookie that only the gateway can read. No script ever sees a token."),
        step("Watch the lights.", "Each is one process that accepts your token."),
        step("Press “Log out”.", "A stopwatch shows how long each process takes to refuse it."),
      ),
    ),
  );
}
