import { h } from "../dom.js";

export const section = {
  id: "log-out",
  title: "Press log-out and watch the lights go out",
  needs: "session",
  outlivesSession: true, // what a log-out does is shown after it
  mount(root) {
    root.append(h("p", {}, "This part is not there yet."));
    return () => {};
  },
};
