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
  let ends = 0; // log-outs in other tabs: an answer that was asked for before is out of date

  function set(session) {
    const before = current;
    current = session;
    if (!same(before, current)) onLogInOrOut(current, before);
    else if (before.expires_at === current.expires_at) return;
    callbacks.forEach((callback) => callback(current));
  }

  async function ask() {
    const begun = ends;
    const { ok, body } = await call("/bff/session");
    if (!ok || begun !== ends) return current; // a gateway that does not answer has not ended the session
    if (!same(current, body)) channel.postMessage("changed");
    set(body);
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
  channel.addEventListener("message", ({ data }) => {
    if (data === "ended") {
      ends += 1;
      set(LOGGED_OUT);
    }
    refresh();
  });
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
      channel.postMessage(answer.ok ? "ended" : "changed");
      await refresh();
      return answer;
    },
  };
}
