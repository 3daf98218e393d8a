import { h } from "../dom.js";

export const section = {
  id: "sessions",
  title: "Sessions",
  needs: "session",
  mount(root) {
    root.append(h("p", {}, "This part is not there yet."));
    return () => {};
  },
};
