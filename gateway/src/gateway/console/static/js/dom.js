// Elements without markup in strings: text stays text, and `trusted-types 'none'` can forbid all else.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, value === true ? "" : value);
    }
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// `h("button", {class: "second", disabled: false, onclick: act}, "Order")`; null and false leave an attribute or child out.
export const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);

// The same for elements of SVG.
export const svg = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

let last = 0;

// An id that no other element of the page has.
export const newId = (prefix) => `${prefix}-${(last += 1)}`;

// A table whose rows are arrays of cells. Each cell has its column's name, because narrow screens show a row as a list.
export function table(caption, columns, rows) {
  return h(
    "table",
    { class: "table" },
    h("caption", { class: "unseen" }, caption),
    h("thead", {}, h("tr", {}, columns.map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", {}, rows.map((cells) => h("tr", {}, cells.map((cell, i) => h("td", { "data-column": columns[i] }, h("div", {}, cell)))))),
  );
}
