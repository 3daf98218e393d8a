// A light bulb that shows by its shape, its light and a text whether a process accepts the token.

import { h, svg } from "../dom.js";

const GLASS = "M32 8a22 22 0 0 0-13 39.8c3 2.2 4.5 5 4.5 9.2h17c0-4.2 1.5-7 4.5-9.2A22 22 0 0 0 32 8z";
const RAYS = [
  [32, 1, 32, -7],
  [52, 10, 58, 4],
  [12, 10, 6, 4],
  [60, 30, 68, 30],
  [4, 30, -4, 30],
];
const TEXTS = { accepted: "accepts", refused: "refuses", unknown: "no answer", waiting: "is asked …" };

const line = ([x1, y1, x2, y2]) => svg("line", { x1, y1, x2, y2 });

const bulb = () =>
  svg(
    "svg",
    { class: "bulb", viewBox: "-8 -10 80 86", "aria-hidden": "true", focusable: "false" },
    svg("g", { class: "rays" }, RAYS.map(line)),
    svg("path", { class: "glass", d: GLASS }),
    svg("path", { class: "filament whole", d: "M28 57V42l-5-9 4.5 4 4.5-4 4.5 4 4.5-4-5 9v15" }),
    svg("path", { class: "filament broken", d: "M28 57V44l-4-5M36 57V44l4-5" }),
    svg("text", { class: "question", x: 32, y: 40, "text-anchor": "middle" }, "?"),
    svg("path", { class: "base", d: "M24 61h16M24 66h16M26 71h12" }),
  );

const number = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });

// Milliseconds as people read them: `23 ms`, `5.2 s`.
export const duration = (ms) => (ms < 1000 ? `${number.format(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);

// Return `{element, state, show(state, {note, after})}`: `note` replaces the text of the state, `after` is the time of a
// refusal in milliseconds, which stays until the lamp is lit again.
export function createLamp(name) {
  const text = h("span", { class: "state" });
  const time = h("span", { class: "time number" });
  const element = h("li", { class: "lamp" }, bulb(), h("span", { class: "where" }, name), text, time);
  const lamp = {
    element,
    state: "waiting",
    show(state, { note, after } = {}) {
      lamp.state = state;
      element.dataset.state = state;
      text.textContent = note ?? TEXTS[state];
      if (after !== undefined) time.textContent = `after ${duration(after)}`;
      else if (state !== "refused") time.textContent = "";
    },
  };
  lamp.show("waiting");
  return lamp;
}
