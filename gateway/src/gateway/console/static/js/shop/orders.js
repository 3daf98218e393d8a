// The user's own orders, newest first, a page at a time.

import { h, table } from "../dom.js";
import { confirmed, failure } from "../parts.js";
import { moment, seconds } from "../times.js";
import { money } from "./money.js";

const COLUMNS = ["Order", "Placed", "Products", "Total", "Status", "Action"];

// Return `{root, load}`; `load()` shows the newest orders.
export function ownOrders(app) {
  const root = h("div", {});
  let orders = [];
  let cursor = null;

  async function cancel(order) {
    const text = `${order.items.map(({ quantity, name }) => `${quantity} × ${name}`).join(", ")}. A cancelled order cannot be placed again.`;
    if (!(await confirmed({ title: "Cancel this order?", text, yes: "Cancel the order", no: "Keep it" }))) return;
    const answer = await app.api(`/orders/${order.id}/cancel`, { method: "POST" });
    if (answer.ok) {
      orders = orders.map((each) => (each.id === order.id ? answer.body : each));
      app.announce("The order is cancelled.");
      show();
    } else root.append(failure(answer));
  }

  const row = (order) => [
    h("code", { title: order.id }, order.id.slice(0, 8)),
    moment(seconds(order.created_at)),
    order.items.map(({ quantity, name }) => h("div", {}, `${quantity} × ${name}`)),
    h("span", { class: "number" }, money(order.total_cents, order.currency)),
    h("span", { class: order.status === "placed" ? "tag good" : "tag" }, order.status),
    order.status === "placed" && h("button", { class: "second small", type: "button", "aria-label": `Cancel order ${order.id.slice(0, 8)}`, onclick: () => cancel(order) }, "Cancel"),
  ];

  function show() {
    if (!orders.length) return root.replaceChildren(h("p", { class: "soft" }, "You have not ordered anything yet."));
    const more = cursor && h("button", { class: "second", type: "button", onclick: add }, "Show older orders");
    return root.replaceChildren(...[table("My orders", COLUMNS, orders.map(row)), more].filter(Boolean));
  }

  async function add() {
    const query = new URLSearchParams({ limit: "10", ...(cursor && { cursor }) });
    const answer = await app.api(`/orders?${query}`);
    if (!answer.ok) return root.replaceChildren(failure(answer, load));
    orders = [...orders, ...answer.body.items];
    cursor = answer.body.next_cursor;
    return show();
  }

  function load() {
    orders = [];
    cursor = null;
    return add();
  }

  return { root, load };
}
