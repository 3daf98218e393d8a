import { h } from "../dom.js";
import { failure } from "../parts.js";
import { basket } from "../shop/basket.js";
import { ownOrders } from "../shop/orders.js";

export const section = {
  id: "shop",
  title: "Shop",
  needs: "nothing",
  mount(root, app) {
    const products = h("section", { "aria-label": "Products" });
    const orders = ownOrders(app);

    async function load() {
      const answer = await app.api("/products");
      products.replaceChildren(answer.ok ? basket(answer.body.items, app, orders.load) : failure(answer, load));
    }

    root.append(products);
    load();
    if (app.session.authenticated) {
      root.append(h("section", { class: "card", "aria-labelledby": "own-orders" }, h("h2", { id: "own-orders" }, "My orders"), orders.root));
      orders.load();
    }
  },
};
