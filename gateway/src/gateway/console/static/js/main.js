// The page as a whole: who is logged in, which section is shown, and what each section gets as `app`.

import { call, sentence } from "./api.js";
import { h } from "./dom.js";
import { createNotices } from "./notices.js";
import { watchOutages } from "./outages.js";
import { logInLink } from "./parts.js";
import { createSession } from "./session.js";
import { mountWelcome } from "./welcome.js";
import { section as attacks } from "./sections/attacks.js";
import { section as keys } from "./sections/keys.js";
import { section as lamps } from "./sections/lamps.js";
import { section as request } from "./sections/request.js";
import { section as sessions } from "./sections/sessions.js";
import { section as shop } from "./sections/shop.js";
import { section as token } from "./sections/token.js";

const SECTIONS = new Map([lamps, shop, token, request, keys, sessions, attacks].map((each) => [each.id, each]));
const WELCOME = { id: "", title: "Touchstone", needs: "nothing", mount: mountWelcome };
const NO_CLUSTER = { issuer: location.origin, demo: false, demo_accounts: [], demo_password: null, can_stop: [], stopped: [] };

const content = document.getElementById("content");
const account = document.getElementById("account");
const announcer = document.getElementById("announcer");
const notices = createNotices(document.getElementById("notices"));

const announce = (text) => (announcer.textContent = text);
const session = createSession(call, onLogInOrOut);
let look = () => {}; // whether all answers, once `watchOutages` has begun
let shown = null; // the section, and how to stop it

const app = {
  announce,
  cluster: NO_CLUSTER,
  get session() {
    return session.current;
  },
  onSession: session.onChange,
  refreshSession: session.refresh,
  hasScope: (name) => session.current.scopes?.includes(name) ?? false,
  async api(path, options = {}) {
    const answer = await call(path, options);
    if (answer.status === 401) session.refresh();
    // After a change as well: it may have stopped a service.
    if (answer.status === 0 || answer.status >= 502 || (options.method ?? "GET") !== "GET") look();
    return answer;
  },
  async logOut() {
    const answer = await session.end();
    if (answer.ok) sayEnded("You are logged out. ");
    else notices.show("session", "You are still logged in. ", sentence(answer));
    return answer;
  },
};

function refusal({ needs }) {
  if (needs === "nothing" || (needs === "session" && session.current.authenticated)) return null;
  if (!session.current.authenticated) return h("div", { class: "card" }, h("p", {}, "Log in to see this part."), h("p", { class: "actions" }, logInLink(location.hash)));
  if (app.hasScope("admin")) return null;
  const admin = app.cluster.demo && " In the demo, admin@example.com is one.";
  return h("div", { class: "card" }, h("p", {}, "This part is for administrators: it needs a token with the scope ", h("code", {}, "admin"), ", and yours does not have it.", admin));
}

// The section that the address names; else the log-out for people who are logged in, and the welcome for others.
function named() {
  return SECTIONS.get(location.hash.slice(1)) ?? (session.current.authenticated ? lamps : WELCOME);
}

function show() {
  const section = named();
  shown?.stop?.();
  const root = h("div", { class: `section ${section.id}` });
  const heading = section !== WELCOME && h("h1", {}, section.title);
  const refused = refusal(section);
  content.replaceChildren(h("article", {}, heading, root));
  shown = { section, stop: null };
  if (refused) root.append(refused);
  else shown.stop = section.mount(root, app);
  document.title = section === WELCOME ? section.title : `${section.title} – Touchstone`;
  for (const link of document.querySelectorAll("#navigation a")) {
    if (link.hash === `#${section.id}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

function showAccount({ authenticated, name, email }) {
  const leave = async (event) => {
    event.target.disabled = true;
    const answer = await app.logOut();
    if (!answer.ok) showAccount(session.current);
  };
  if (authenticated) account.replaceChildren(h("span", { class: "who" }, name ?? email), h("button", { class: "second small", type: "button", onclick: leave }, "Log out"));
  else account.replaceChildren(logInLink(location.hash));
}

// A section that outlives the session says so itself.
function sayEnded(text) {
  if (!shown?.section.outlivesSession) notices.show("session", text, logInLink(location.hash, "Log in again"));
}

function onLogInOrOut(current, before) {
  showAccount(current);
  if (current.authenticated) notices.hide("session");
  else if (before.authenticated) sayEnded("Your session has ended. ");
  if (shown && !(shown.section.outlivesSession && !current.authenticated)) show();
}

function warnOfOtherOrigin() {
  const { origin } = new URL(app.cluster.issuer, location.origin);
  if (origin === location.origin) return;
  const here = h("a", { href: origin + location.pathname + location.hash }, origin);
  notices.show("origin", `You opened this page at ${location.origin}, but you can log in only at `, here, ".");
}

function showBottom() {
  const documents = [
    ["/docs", "API"],
    ["/.well-known/openid-configuration", "Metadata of the issuer"],
    ["/.well-known/jwks.json", "Public keys"],
  ];
  const links = documents.map(([href, text]) => h("li", {}, h("a", { href }, text)));
  document.getElementById("bottom").append(h("p", {}, `Touchstone ${app.cluster.version ?? ""}`), h("ul", {}, links));
}

async function start() {
  const [cluster] = await Promise.all([call("/console/cluster"), session.refresh()]);
  if (cluster.ok) app.cluster = cluster.body;
  warnOfOtherOrigin();
  showAccount(session.current);
  showBottom();
  show();
  look = watchOutages(call, session, notices, announce);
  window.addEventListener("hashchange", () => {
    if (location.hash === `#${content.id}`) return; // the link to the content is no section
    show();
    window.scrollTo(0, 0);
    content.focus({ preventScroll: true });
  });
}

start();
