// The last runs of this tab. A log-in leaves the page, so they are kept in the tab's storage: only their times.

import { h, table } from "../dom.js";
import { moment } from "../times.js";
import { duration } from "./lamp.js";

const NAME = "runs";
const KEPT = 8;
const COLUMNS = ["Time", "What", "Processes", "Acknowledged after", "Last refusal after"];

const read = () => JSON.parse(sessionStorage.getItem(NAME) ?? "[]");

const cells = ({ at, what, refused, count, acknowledged, last }) => [
  moment(at),
  what,
  `${refused} of ${count}`,
  acknowledged === null ? "–" : duration(acknowledged),
  last === null ? "–" : h("strong", { class: "number" }, duration(last)),
];

export function createHistory() {
  const element = h("section", { class: "card history", "aria-labelledby": "history" });

  function show() {
    const runs = read();
    element.hidden = runs.length === 0;
    element.replaceChildren(h("h2", { id: "history" }, "Your runs"), table("Your runs", COLUMNS, runs.map(cells)));
  }

  show();
  return {
    element,
    add({ at, what, refused, count, acknowledged, last }) {
      const runs = [{ at, what, refused, count, acknowledged, last }, ...read()].slice(0, KEPT);
      sessionStorage.setItem(NAME, JSON.stringify(runs));
      show();
    },
  };
}
