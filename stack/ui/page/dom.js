// Elements from words: h("p", { class: "note" }, "text", h("b", {}, "more")). Text is never read as HTML.

const SVG = "http://www.w3.org/2000/svg";

function made(node, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "value") Object.assign(node, { defaultValue: value, value });
    else if (name === "checked" || name === "selected") node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export const h = (tag, props, ...children) => made(document.createElement(tag), props, children);
export const s = (tag, props, ...children) => made(document.createElementNS(SVG, tag), props, children);
export const byId = (id) => document.getElementById(id);
export const fill = (node, ...children) => {
  node.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
};
