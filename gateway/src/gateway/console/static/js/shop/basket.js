// The products with a quantity each, and the order for those with one.

import { sentence } from "../api.js";
import { h, newId } from "../dom.js";
import { logInLink } from "../parts.js";
import { money } from "./money.js";

const MOST = 1000; // pieces of a product in an order

// A service that gets the same key twice answers with the first order.
const newKey = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

function card({ sku, name, price_cents: price, currency }, quantity) {
  const id = newId("quantity");
  return h(
    "li",
    { class: "card product" },
    h("h2", {}, name),
    h("p", { class: "soft sku" }, sku),
    h("p", { class: "price number" }, money(price, currency)),
    quantity && h("p", { class: "quantity" }, h("label", { for: id }, "Quantity", h("span", { class: "unseen" }, ` of ${name}`)), Object.assign(quantity, { id })),
  );
}

// `onOrder(order)` is called for each order that was placed.
export function basket(products, app, onOrder) {
  if (!app.session.authenticated) {
    return h("div", {}, h("ul", { class: "products" }, products.map((product) => card(product))), h("p", { class: "actions" }, logInLink("#shop", "Log in to order")));
  }
  const lines = products.map((product) => ({
    product,
    input: h("input", { type: "number", min: "0", max: `${MOST}`, step: "1", value: "0", inputmode: "numeric" }),
  }));
  const total = h("p", { class: "number total" });
  const result = h("div", { role: "status" });
  const button = h("button", {}, "Order");
  let key = newKey();

  const chosen = () => lines.filter(({ input }) => input.valueAsNumber > 0);

  function count() {
    key = newKey(); // another order
    const cents = chosen().reduce((sum, { product, input }) => sum + product.price_cents * input.valueAsNumber, 0);
    const pieces = chosen().reduce((sum, { input }) => sum + input.valueAsNumber, 0);
    total.textContent = pieces ? `${pieces} ${pieces === 1 ? "piece" : "pieces"}, ${money(cents, products[0].currency)}` : "Nothing chosen yet.";
  }

  const say = (kind, ...content) => result.replaceChildren(h("div", { class: `notice ${kind}` }, h("p", {}, ...content)));

  async function order(event) {
    event.preventDefault();
    if (button.disabled) return; // Enter, or the second click of two, while the first is under way
    const items = chosen().map(({ product, input }) => ({ sku: product.sku, quantity: input.valueAsNumber }));
    if (!items.length) {
      say("bad", "Choose the quantity of a product first.");
      lines[0]?.input.focus();
      return;
    }
    button.disabled = true;
    const answer = await app.api("/orders", { method: "POST", json: { items }, headers: { "Idempotency-Key": key } });
    button.disabled = false;
    button.focus();
    if (!answer.ok) {
      say("bad", "Not ordered. ", sentence(answer)); // the key stays: if the order was placed after all, it is not placed twice
      return;
    }
    const { id, total_cents: cents, currency } = answer.body;
    say("good", "Thank you. Your order ", h("code", {}, id), ` is placed: ${money(cents, currency)} in total.`);
    lines.forEach(({ input }) => (input.value = "0"));
    count();
    onOrder(answer.body);
  }

  count();
  return h(
    "form",
    { onsubmit: order, oninput: count },
    h("ul", { class: "products" }, lines.map(({ product, input }) => card(product, input))),
    h("div", { class: "checkout" }, total, button),
    result,
  );
}
