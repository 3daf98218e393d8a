// Says so while auth-service or the gateway does not answer.

import { moment, now } from "./times.js";

const DOCUMENT = "/.well-known/oauth-authorization-server"; // small, public, and of auth-service
const CHECK_MS = 5000;
const CHECK_AGAIN_MS = 1500;

function text(missing, { authenticated, expires_at: until }) {
  if (missing === "gateway") return "The gateway does not answer. What you see may be out of date, and nothing can be loaded or changed.";
  const rest = "Log-in and changes to accounts and keys wait.";
  if (!authenticated) return `auth-service does not answer. ${rest}`;
  if (until < now()) return `auth-service does not answer. Your session has to wait for it, because your token has expired. ${rest}`;
  return `auth-service does not answer. Your session goes on until ${moment(until)}, because every service checks your token by itself. ${rest}`;
}

// Return a function that looks at once; without it, it looks regularly.
export function watchOutages(call, session, notices, announce) {
  let missing = null;
  let said = "";
  let timer;

  function show() {
    const next = missing ? text(missing, session.current) : "";
    if (next === said) return;
    said = next;
    if (next) notices.show("outage", next, " This notice goes by itself.");
    else notices.hide("outage");
  }

  async function check() {
    const { status } = await call(DOCUMENT);
    const before = missing;
    missing = status === 0 ? "gateway" : status >= 500 ? "auth-service" : null;
    show();
    if (missing !== before) {
      if (!missing) announce(`${before} answers again.`);
      session.refresh();
    }
    clearTimeout(timer);
    timer = setTimeout(check, missing ? CHECK_AGAIN_MS : CHECK_MS);
  }

  session.onChange(show);
  check();
  return check;
}
