// The browser session as this page knows it: claims and times from /bff/session, never a token.

const LOGGED_OUT = { authenticated: false };
const CHECK_MS = 5000;

// Dispatched at `window` as a log-out begins; `detail` is the promise of its answer.
export const LOG_OUT_EVENT = "touchstone:log-out";

// Whether two answers are of the same log-in; `expires_at` moves on at each refresh.
const same = (one, other) => one.authenticated === other.authenticated && one.claims?.sid === other.claims?.sid && one.sub === other.sub;

// `call` is that of api.js; `onLogInOrOut(session, before)` runs before the callbacks, after a log-in and after the session's end.
export function createSession(call, onLogInOrOut) {
  const callbacks = new Set();
  const channel = new BroadcastChannel("session");
  let current = LOGGED_OUT;
  let underWay = null;
  let next = null;

  async function ask() {
    const { ok, body } = await call("/bff/session");
    if (!ok) return current; // a gateway that does not answer has not ended the session
    const before = current;
    current = body;
    const moved = !same(before, current);
    if (moved) {
      channel.postMessage("changed");
      onLogInOrOut(current, before);
    }
    if (moved || before.expires_at !== current.expires_at) callbacks.forEach((callback) => callback(current));
    return current;
  }

  // Callers at the same time share a request, but never one that began before they called: it may be out of date.
  function refresh() {
    if (underWay === null) return (underWay = ask().finally(() => (underWay = null)));
    next ??= underWay.then(() => {
      next = null;
      return refresh();
    });
    return next;
  }

  const visible = () => {
    if (!document.hidden) refresh();
  };
  channel.addEventListener("message", refresh);
  document.addEventListener("visibilitychange", visible);
  for (const event of ["focus", "pageshow", "online"]) window.addEventListener(event, visible);
  setInterval(visible, CHECK_MS);

  return {
    get current() {
      return current;
    },
    refresh,
    onChange(callback) {
      callbacks.add(callback);
      return () => callbacks.delete(callback);
    },
    async end() {
      const asked = call("/bff/logout", { method: "POST" });
      window.dispatchEvent(new CustomEvent(LOG_OUT_EVENT, { detail: asked }));
      const answer = await asked;
      channel.postMessage("changed");
      await refresh();
      return answer;
    },
  };
}
