// Reads the gateway's Server-Timing header: the hops of a request, what each verified, and how long it took.

const PART = /^([A-Za-z0-9_.-]+);dur=([0-9.]+)(?:;desc="([^"]*)")?$/;

// `aud=a+b kid=c` is `{aud: ["a", "b"], kid: ["c"]}`.
const factsOf = (text) => Object.fromEntries((text ?? "").split(" ").filter(Boolean).map((fact) => [fact.slice(0, fact.indexOf("=")), fact.slice(fact.indexOf("=") + 1).split("+")]));

function partsOf(header) {
  const found = header.split(",").map((part) => PART.exec(part.trim())).filter(Boolean);
  return new Map(found.map(([, name, ms, text]) => [name, { ms: Number(ms), facts: factsOf(text) }]));
}

// `name` is the service's; `ms` its time with all below, `call` that of its caller, which has the way there in it.
function service(path, call, parts) {
  const app = parts.get(`${path}.app`);
  const below = [...parts].filter(([name]) => name.startsWith(`${path}.`) && !name.slice(path.length + 1).includes(".") && !/\.(app|db)$/.test(name));
  const calls = below.map(([name, { ms }]) => service(name, ms, parts));
  const ms = app?.ms ?? call;
  return { name: path.split(".").at(-1), facts: app?.facts ?? {}, ms, call, own: ownOf(ms, calls), db: parts.get(`${path}.db`)?.ms ?? null, calls };
}

const ownOf = (ms, calls) => Math.max(0, calls.reduce((rest, { call }) => rest - call, ms));

// Return the gateway's hop with the hops below it, null without the header.
export function hopsOf(header) {
  const parts = partsOf(header ?? "");
  if (!parts.has("total")) return null;
  const upstream = parts.get("upstream")?.ms ?? 0;
  const names = [...parts.keys()].filter((name) => /^[^.]+\.app$/.test(name)).map((name) => name.split(".")[0]);
  const calls = names.map((name) => service(name, upstream, parts));
  const ms = parts.get("total").ms;
  return { name: "gateway", facts: parts.get("auth")?.facts ?? {}, ms, call: ms, own: ownOf(ms, calls), db: null, calls };
}

// All hops in the order in which they were called, each with its `caller` and its `depth`.
export function flat(hop, caller = null, depth = 0) {
  return [{ ...hop, caller, depth }, ...hop.calls.flatMap((each) => flat(each, hop.name, depth + 1))];
}
