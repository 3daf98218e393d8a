// One run: from the click to the last process that refuses the token.

const GIVE_UP_MS = 20_000;

// `keys` are the lamps that were lit at the click; `done(run)` is called once, when all are dark or after 20 s.
export function startRun(what, keys, done) {
  const begun = performance.now();
  const waiting = new Set(keys);
  let ended = false;
  const since = () => performance.now() - begun;
  const timer = setTimeout(end, GIVE_UP_MS);

  const run = {
    what,
    begun,
    at: Date.now() / 1000,
    count: waiting.size,
    acknowledged: null, // ms
    last: null, // ms, to the last refusal
    refused: 0,
    // Return the milliseconds since the click if this lamp is one of the run's, else undefined.
    darkened(key) {
      if (ended || !waiting.delete(key)) return undefined;
      run.refused += 1;
      run.last = since();
      check();
      return run.last;
    },
    acknowledge() {
      run.acknowledged = since();
      check();
    },
    abandon: () => finish(false),
    get complete() {
      return waiting.size === 0;
    },
  };

  function check() {
    if (waiting.size === 0 && run.acknowledged !== null) end();
  }

  function finish(tell) {
    if (ended) return;
    ended = true;
    clearTimeout(timer);
    if (tell) done(run);
  }

  function end() {
    finish(true);
  }

  return run;
}
