import { h } from "../dom.js";

export const section = {
  id: "attacks",
  title: "Attacks",
  needs: "nothing",
  mount(root) {
    root.append(h("p", {}, "This part is not there yet."));
    return () => {};
  },
};
