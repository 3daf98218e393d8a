import { h } from "../dom.js";

export const section = {
  id: "keys",
  title: "Signing keys",
  needs: "admin",
  mount(root) {
    root.append(h("p", {}, "This part is not there yet."));
    return () => {};
  },
};
