// The lanes beside the cluster's own: ways of checking a session that it does not use, recorded, and plain JWT, live.

import { h } from "../dom.js";
import { moment, span, now } from "../times.js";
import { createLamp, duration } from "./lamp.js";

const PLAIN = {
  name: "Plain JWT",
  how: "This gateway checks the same token by signature and expiry alone, as services do that read no status list.",
};

function row({ name, how }, tag, lamps, result) {
  return h(
    "li",
    { class: "lane" },
    h("div", { class: "about" }, h("h3", {}, name, " ", tag), h("p", { class: "soft" }, how), result),
    h("ul", { class: "lamps small" }, lamps.map(({ element }) => element)),
  );
}

// The lane of the verification without status: it glows until the token expires.
export function createPlainLane() {
  const lamp = createLamp("gateway");
  const result = h("p", { class: "result" });
  let until = 0;
  let timer;

  function show() {
    if (lamp.state === "accepted" && now() >= until) lamp.show("refused", { note: "expired" });
    const left = until - now();
    if (lamp.state === "accepted") result.textContent = `Accepts the token until it expires, for ${span(left)}, whatever happens to the session.`;
    else result.textContent = left > 0 ? "" : `The token expired at ${moment(until)}.`;
  }

  return {
    element: row(PLAIN, h("span", { class: "tag good" }, "live"), [lamp], result),
    lamp,
    start(expiresAt) {
      until = expiresAt;
      clearInterval(timer);
      timer = setInterval(show, 1000);
      show();
    },
    show(state, options) {
      lamp.show(state, options);
      show();
    },
    stop: () => clearInterval(timer),
  };
}

// A lane of bench/record_lanes.py; `play` darkens its lamps as they went dark in the recorded run.
function createRecordedLane(lane) {
  const lamps = lane.processes.map(({ address }) => createLamp(address));
  const result = h("p", { class: "result" });
  const range = `${lane.rounds} runs: ${duration(lane.last_ms.least)} to ${duration(lane.last_ms.most)}`;
  const last = Math.max(...lane.processes.map(({ refused_ms: ms }) => ms));
  let timers = [];

  function reset() {
    timers.forEach(clearTimeout);
    timers = [];
    lamps.forEach((lamp) => lamp.show("accepted"));
    result.textContent = range;
  }

  reset();
  return {
    element: row(lane, h("span", { class: "tag" }, "recorded"), lamps, result),
    reset,
    play() {
      reset();
      timers = lane.processes.map(({ refused_ms: after }, i) => setTimeout(() => lamps[i].show("refused", { after }), after));
      timers.push(setTimeout(() => (result.textContent = `All refuse after ${duration(last)} (${range}).`), last));
    },
  };
}

// Return `{element, play, reset}` of the recorded lanes; none are shown where the file cannot be read.
export async function createRecordedLanes(api) {
  const { ok, body } = await api("/console/js/lamps/recorded_lanes.json");
  if (!ok) return null;
  const lanes = body.lanes.map(createRecordedLane);
  const made = `Recorded on ${body.recorded_on} with ${body.made_by}, on a machine with ${body.cores} cores: three processes each, polled as above; of several runs the median is played.`;
  return {
    elements: lanes.map(({ element }) => element),
    made,
    play: () => lanes.forEach((lane) => lane.play()),
    reset: () => lanes.forEach((lane) => lane.reset()),
  };
}
