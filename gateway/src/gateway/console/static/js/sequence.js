// Draws the hops of a request as a sequence: a column for each process, an arrow for each call and its answer.

import { svg } from "./dom.js";

const WIDTH = 1040;
const HEAD = 44;
const ROW = 62;
const BAR = 12;

// `urn:ietf:params:oauth:grant-type:token-exchange` is `token exchange`.
export const grantName = ({ grant }) => grant.join().split(":").at(-1).replace(/[-_]/g, " ");

const milliseconds = (ms) => `${ms.toFixed(ms < 10 ? 2 : 1)} ms`;

// The calls and answers in their order: `{from, to, answer, lines}`.
function messages(root, request) {
  const found = [{ from: "browser", to: root.name, answer: false, lines: [`${request.method} ${request.path}`, request.credential] }];
  const walk = (hop) => {
    for (const each of hop.calls) {
      found.push({ from: hop.name, to: each.name, answer: false, lines: labelOf(each, root) });
      walk(each);
      found.push({ from: each.name, to: hop.name, answer: true, lines: [milliseconds(each.call)] });
    }
  };
  walk(root);
  found.push({ from: root.name, to: "browser", answer: true, lines: [`${request.status} after ${milliseconds(root.ms)}`] });
  return found;
}

function labelOf({ facts }, root) {
  if (facts.grant) return [grantName(facts), facts.aud ? `for ${facts.aud.join(", ")}` : ""];
  if (!facts.aud) return ["a request", ""];
  if (facts.act) return [`token for ${facts.aud.join(", ")}`, `act ${facts.act.join(", ")}`];
  return facts.client_id?.join() === root.facts.client_id?.join() ? ["the user’s token", `client_id ${facts.client_id}`] : [`token for ${facts.aud.join(", ")}`, `client_id ${facts.client_id}`];
}

function arrow(from, to, y, { answer, lines }) {
  const side = Math.sign(to - from);
  const [start, end] = [from + (side * BAR) / 2, to - (side * BAR) / 2];
  const middle = (start + end) / 2;
  const kind = answer ? "answer" : "call";
  return svg(
    "g",
    { class: kind },
    svg("line", { x1: start, y1: y, x2: end - side * 7, y2: y }),
    svg("path", { d: `M${end} ${y} l${-side * 10} -5 v10 z` }),
    svg("text", { x: middle, y: y - (lines[1] ? 24 : 8), class: "name" }, lines[0]),
    lines[1] && svg("text", { x: middle, y: y - 8, class: "fact" }, lines[1]),
  );
}

// Return the picture; `request` is `{method, path, status, credential}`, `hops` are those of `flat`, `root` is the first.
export function sequence(root, hops, request) {
  const names = ["browser", ...new Set(hops.map(({ name }) => name))];
  const gap = WIDTH / names.length;
  const place = (name) => gap * (names.indexOf(name) + 0.5);
  const rows = messages(root, request);
  const height = HEAD + 20 + rows.length * ROW;
  const y = (row) => HEAD + 56 + row * ROW;
  const busy = [];
  const open = [];
  rows.forEach(({ from, to, answer }, row) => {
    if (!answer) open.push([to, row]);
    else {
      const [, begun] = open.splice(open.findLastIndex(([name]) => name === from), 1)[0];
      busy.push([from, begun, row]);
    }
  });
  return svg(
    "svg",
    { class: "sequence", viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": `The way of ${request.method} ${request.path}; the list below says the same in words.` },
    names.map((name) => svg("line", { class: "life", x1: place(name), x2: place(name), y1: HEAD, y2: height })),
    busy.map(([name, first, last]) => svg("rect", { class: "busy", x: place(name) - BAR / 2, y: y(first) - 4, width: BAR, height: (last - first) * ROW + 8, rx: 3 })),
    names.map((name) =>
      svg("g", { class: "process" }, svg("rect", { x: place(name) - 78, y: 1, width: 156, height: HEAD - 2, rx: 9 }), svg("text", { x: place(name), y: HEAD / 2 + 5 }, name)),
    ),
    rows.map((message, row) => arrow(place(message.from), place(message.to), y(row), message)),
  );
}
