// Times as people read them. All are Unix seconds, as tokens have them (RFC 7519 section 2).

const CLOCK = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const BOTH = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const UNITS = [
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
];

export const now = () => Date.now() / 1000;

// The Unix seconds of a time in RFC 3339.
export const seconds = (text) => Date.parse(text) / 1000;

const sameDay = (at) => new Date(at * 1000).toDateString() === new Date().toDateString();

// A local time, with the date unless it is today.
export const moment = (at) => (sameDay(at) ? CLOCK : BOTH).format(at * 1000);

// A length of time in its two largest units: `4 minutes 12 seconds`.
export function span(length) {
  let rest = Math.max(0, Math.round(length));
  const first = UNITS.findIndex(([, size]) => rest >= size);
  if (first < 0) return "0 seconds";
  const parts = [];
  for (const [name, size] of UNITS.slice(first, first + 2)) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count) parts.push(`${count} ${name}${count === 1 ? "" : "s"}`);
  }
  return parts.join(" ");
}

// `in 4 minutes 12 seconds`, `3 hours ago`.
export function relative(at) {
  const length = at - now();
  if (Math.abs(length) < 1) return "now";
  return length > 0 ? `in ${span(length)}` : `${span(-length)} ago`;
}
