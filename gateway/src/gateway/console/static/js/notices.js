// The notices above the content: one for each subject, shown until it is no longer true.

import { h } from "./dom.js";

export function createNotices(root) {
  const shown = new Map();

  function hide(subject) {
    shown.get(subject)?.remove();
    shown.delete(subject);
  }

  return {
    hide,
    show(subject, ...content) {
      hide(subject);
      const notice = h("div", { class: "notice", role: "status" });
      shown.set(subject, notice);
      root.append(notice);
      notice.append(h("p", {}, ...content)); // after it is in the page: else screen readers stay silent
    },
  };
}
