import { h } from "../dom.js";

export const section = {
  id: "request",
  title: "The way of a request",
  needs: "session",
  mount(root) {
    root.append(h("p", {}, "This part is not there yet."));
    return () => {};
  },
};
