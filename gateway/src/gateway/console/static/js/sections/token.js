import { h } from "../dom.js";

export const section = {
  id: "token",
  title: "The token",
  needs: "session",
  mount(root) {
    root.append(h("p", {}, "This part is not there yet."));
    return () => {};
  },
};
