// The time that the token has left, counted down each second.

import { h } from "../dom.js";
import { moment, now } from "../times.js";

const minutes = (left) => `${Math.floor(left / 60)}:${String(Math.floor(left % 60)).padStart(2, "0")}`;

// Return `{root, tick}`; `tick(begin, end)` shows the time left until `end`.
export function countdown() {
  const digits = h("p", { class: "digits number", role: "timer", "aria-label": "Time left" });
  const bar = h("progress", { max: "1", "aria-label": "Time left, as a part of the whole" });
  const text = h("p", { class: "soft" });

  function tick(begin, end) {
    const left = Math.max(0, end - now());
    digits.textContent = minutes(left);
    bar.value = end > begin ? Math.min(1, left / (end - begin)) : 0;
    text.textContent = left ? `until ${moment(end)}; the gateway renews the token before, and the time starts again.` : "The gateway renews the token at the next request.";
  }

  return { root: h("div", { class: "countdown" }, digits, bar, text), tick };
}
