import { h } from "../dom.js";

export const section = {
  id: "shop",
  title: "Shop",
  needs: "nothing",
  mount(root) {
    root.append(h("p", {}, "This part is not there yet."));
    return () => {};
  },
};
