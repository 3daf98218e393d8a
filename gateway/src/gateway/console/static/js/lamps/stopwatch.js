// The stopwatch: it runs while the page waits for the lamps, and stops at the last one.

import { h } from "../dom.js";
import { duration } from "./lamp.js";

const still = matchMedia("(prefers-reduced-motion: reduce)");

// Screen readers get the result by an announcement instead of each millisecond.
export function createStopwatch() {
  const element = h("p", { class: "stopwatch number", "aria-hidden": "true" }, "0 ms");
  let frame = 0;
  return {
    element,
    start(begun) {
      element.classList.add("runs");
      const tick = () => {
        if (!still.matches) element.textContent = duration(performance.now() - begun);
        frame = requestAnimationFrame(tick);
      };
      cancelAnimationFrame(frame);
      element.textContent = "…";
      tick();
    },
    stop(ms) {
      cancelAnimationFrame(frame);
      element.classList.remove("runs");
      element.textContent = ms === undefined ? "–" : duration(ms);
    },
  };
}
