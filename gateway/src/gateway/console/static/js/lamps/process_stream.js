// The stream of which process accepts the token, opened again while the session lasts.

import { readEvents } from "./events.js";

const AGAIN_MS = 2000;
const TOO_MANY = 429;

// `handlers` are those of the events; `trouble(text)` says why there is no stream, null once there is one again.
// A stream that is open at a log-out goes on: its token is what the lamps show. A page in the background has none,
// unless it is `busy()`, because all pages of a browser share six connections. Returns `{again, stop}`.
export function watchProcesses(app, handlers, trouble, busy) {
  let abort = new AbortController();
  let stopped = false;

  const visible = () => (document.hidden ? new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true })) : null);
  const pause = () => new Promise((resolve) => setTimeout(resolve, AGAIN_MS));

  async function once() {
    let ended = false;
    const end = ({ reason }) => {
      ended = reason !== "stopping";
      handlers.end?.(reason);
    };
    const processes = (data) => {
      trouble(null);
      handlers.processes(data);
    };
    try {
      const status = await readEvents("/console/processes", { ...handlers, processes, end }, abort.signal);
      if (status === TOO_MANY) trouble("Too many windows show these lamps. Close one; this one tries again by itself.");
      else if (status >= 500) trouble("The gateway cannot watch the processes now, and tries again.");
    } catch {
      if (!abort.signal.aborted) trouble("The connection to the gateway is lost. The page tries again by itself.");
    }
    return ended || abort.signal.aborted;
  }

  async function run() {
    while (!stopped) {
      abort = new AbortController();
      await visible();
      const goOn = await once();
      if (stopped) return;
      await app.refreshSession();
      if (!app.session.authenticated) return;
      if (!goOn) await pause();
    }
  }

  const hide = () => {
    if (document.hidden && app.session.authenticated && !busy()) abort.abort();
  };

  document.addEventListener("visibilitychange", hide);
  run();
  return {
    again: () => abort.abort(), // the next stream has the session's present token
    stop() {
      stopped = true;
      document.removeEventListener("visibilitychange", hide);
      abort.abort();
    },
  };
}
