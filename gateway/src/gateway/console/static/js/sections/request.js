// The way of one real request: each process on it, what it verified, and how long it took. All from Server-Timing.

import { h, svg } from "../dom.js";
import { flat, hopsOf } from "../hops.js";
import { failure } from "../parts.js";
import { grantName, sequence } from "../sequence.js";

async function order(app) {
  const products = await app.api("/products");
  if (!products.ok) return products;
  const items = [{ sku: products.body.items[0].sku, quantity: 1 }];
  return app.api("/orders", { method: "POST", json: { items } });
}

const KINDS = [
  { text: "Place an order", method: "POST", path: "/orders", send: order, token: true },
  { text: "List my orders", method: "GET", path: "/orders", send: (app) => app.api("/orders"), token: true },
  { text: "Read my profile", method: "GET", path: "/users/me", send: (app) => app.api("/users/me"), token: true },
  { text: "List the products", method: "GET", path: "/products", send: (app) => app.api("/products"), token: false },
];

const code = (values) => values.map((value, i) => [i > 0 && " ", h("code", {}, value)]);
const milliseconds = (ms) => `${ms.toFixed(2)} ms`;

// What a hop has verified: rows of `[term, description]`.
function verified({ name, facts, depth }) {
  if (facts.grant) {
    return [
      ["Client", [code(facts.client_id ?? ["unknown"]), ", authenticated by its own credentials"]],
      ["Grant", grantName(facts) === "token exchange" ? "token exchange (RFC 8693): the token that the client had received is valid, and its session goes on" : grantName(facts)],
      ["Issued", ["a token for ", code(facts.aud ?? []), " with the scope ", code(facts.scope ?? [])]],
    ];
  }
  if (!facts.aud) return [["Token", depth === 0 ? "none: this route is public" : "none was verified"]];
  const own = facts.audience ?? [name].filter((each) => facts.aud.includes(each)); // none at a route for tokens of any audience
  return [
    ["Audience", own.length ? [code(own), " is in ", h("code", {}, "aud"), ": ", code(facts.aud)] : [code(facts.aud), ", which is one that the issuer knows"]],
    ["Scope", [facts.required && ["the route demands ", code(facts.required), "; "], "the token has ", code(facts.scope ?? ["none"])]],
    ["Issued to", [code(facts.client_id ?? ["unknown"]), facts.act && [", which acts for the user: ", h("code", {}, "act"), " is ", code(facts.act)]]],
    facts.kid && ["Signature", ["by the key ", code(facts.kid)]],
    ["Status", facts.status?.includes("checked") ? "not revoked in the status list of the issuer" : "the token names no status list"],
  ];
}

// The hop's own time as a part of the whole; the text beside it says the same.
const share = (own, whole) =>
  svg("svg", { class: "share", viewBox: "0 0 100 1", preserveAspectRatio: "none", "aria-hidden": "true" }, svg("rect", { class: "whole", width: 100, height: 1 }), svg("rect", { class: "own", width: Math.min(100, (own / whole) * 100), height: 1 }));

function times({ ms, own, call, db, depth }, whole) {
  const way = depth > 0 && call > ms && `, ${milliseconds(call)} as its caller saw it`;
  return ["Time", [share(own, whole), h("strong", { class: "number" }, milliseconds(own)), " of its own", db !== null && ` (of which the database ${milliseconds(db)})`, `, ${milliseconds(ms)} in all`, way]];
}

function hopCard(hop, whole) {
  const rows = [...verified(hop).filter(Boolean), times(hop, whole)];
  return h(
    "li",
    { class: `hop depth-${Math.min(hop.depth, 3)}` },
    h("div", { class: "card" }, h("h2", {}, hop.name, hop.caller && h("span", { class: "soft" }, ` called by ${hop.caller}`)), h("dl", {}, rows.map(([term, text]) => h("div", {}, h("dt", {}, term), h("dd", {}, text))))),
  );
}

// Why there is no exchange in the picture, where there could be one.
function cached(hops) {
  const acts = hops.some(({ facts }) => facts.act);
  const exchanged = hops.some(({ facts }) => facts.grant);
  return acts && !exchanged && h("p", { class: "soft" }, "No token was exchanged this time: the service still had the one from an earlier request of your session.");
}

const OFF = () =>
  h("div", { class: "notice" }, h("p", {}, "The answers say nothing about their way: Server-Timing is off. Start the cluster with ", h("code", {}, "SERVER_TIMING=on"), "; it is on wherever ", h("code", {}, "DEMO=1"), " is set."));

function way(kind, answer) {
  const root = hopsOf(answer.headers.get("Server-Timing"));
  if (!root) return [OFF()];
  const hops = flat(root);
  const request = { ...kind, status: answer.status, credential: kind.token ? "session cookie" : "no token needed" };
  return [h("div", { class: "card picture" }, sequence(root, hops, request)), cached(hops), h("ol", { class: "hops", "aria-label": "The hops in their order" }, hops.map((hop) => hopCard(hop, root.ms)))];
}

export const section = {
  id: "request",
  title: "The way of a request",
  needs: "session",
  mount(root, app) {
    const result = h("div", { class: "way" });
    const said = h("p", { class: "said" });
    let last = 0;

    async function send(kind, button) {
      const mine = (last += 1);
      for (const each of buttons) each.setAttribute("aria-pressed", String(each === button));
      said.textContent = "Sending …";
      const answer = await kind.send(app);
      if (mine !== last) return; // another one was sent meanwhile
      said.textContent = `${kind.method} ${kind.path} was answered ${answer.status || "by no one"} within ${answer.ms.toFixed(1)} ms, as the browser saw it.`;
      result.replaceChildren(...[!answer.ok && failure(answer), ...way(kind, answer)].filter(Boolean));
      app.announce(said.textContent);
    }

    const buttons = KINDS.map((kind) => h("button", { type: "button", class: "second", "aria-pressed": "false", onclick: (event) => send(kind, event.currentTarget) }, kind.text));
    root.append(
      h("p", { class: "lead" }, "Send a real request, and see every process on its way: which token came to it, what it verified by itself, and how long it took."),
      h("div", { class: "actions" }, buttons),
      said,
      result,
    );
    return () => (last += 1);
  },
};
