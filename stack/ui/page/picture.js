// The plan's graph: tiers from left to right, an arrow from what starts first to what waits for it. What stands alone is
// in rows below. Where there is no room for that (a phone), the services are a list in the same order.

import { fill, h, s } from "./dom.js";
import { layout } from "./layout.js";
import { last, measured, on, planned, progress, state } from "./store.js";
import { condition, percent, satisfied, shape, size } from "./words.js";

const nodes = new Map();
let box, lines, layer, caption, others, shown = "", cells = new Map(), list = false, wanted = "", selected = "";

export function draw(main) {
  layer = s("svg", { class: "edges", "aria-hidden": "true" });
  caption = h("p", { class: "caption" }, "Alone");
  lines = new Map();
  box = h("div", { class: "graph", role: "group", "aria-label": "Services, those that start first in front", onkeydown: moved });
  others = h("p", { class: "others", hidden: true });
  fill(main, others, box);
  sized.disconnect();
  sized.observe(main);
  shown = "";
  arrange();
}

on(["plan"], () => arrange());
on(["status", "job", "busy"], () => refresh());
on(["status"], () => measure());
on(["samples"], () => measure());
const sized = new ResizeObserver(() => arrange());

const here = () => box?.isConnected;

// ---- where each service stands ----

function arrange() {
  const plan = last("plan");
  if (!here() || !plan) return;
  const beyond = (last("status")?.services ?? []).filter((one) => !one.planned).map((one) => one.name);
  const { clientWidth: width, clientHeight: height } = box.parentElement;
  const key = JSON.stringify([plan.order, plan.arrows, beyond, width, height, plan.services.map((one) => one.source)]);
  if (key === shown) return refresh();
  shown = key;
  const focused = box.contains(document.activeElement) ? document.activeElement.dataset.name : "";
  const found = layout(plan, beyond, width, height);
  ({ cells, list } = found);
  nodes.clear();
  lines.clear();
  for (const name of cells.keys()) nodes.set(name, node(name));
  for (const [first, then, required] of list ? [] : plan.arrows) {
    const key = `${first} ${then}`;
    lines.set(key, s("path", { class: required ? "edge" : "edge optional", d: found.paths.get(key) }));
  }
  fill(layer, ...lines.values());
  caption.hidden = !found.label;
  fill(box, layer, [...nodes.values()].map((part) => part.button), caption,
    nodes.size ? null : h("p", { class: "empty" }, "Nothing is planned. Profiles … has what can be chosen."));
  box.classList.toggle("list", list);
  box.classList.toggle("roomy", Boolean(found.roomy));
  if (!list) place(found);
  refresh();
  measure();
  if (focused) nodes.get(focused)?.button.focus({ preventScroll: true });
  seen();
}

function place({ node: { width, height }, spots, label, ...whole }) {
  for (const [name, part] of nodes) {
    const [x, y] = spots.get(name);
    Object.assign(part.button.style, { left: `${x}px`, top: `${y}px`, width: `${width}px`, height: `${height}px` });
  }
  if (label) Object.assign(caption.style, { left: `${label.left}px`, top: `${label.top}px` });
  Object.assign(box.style, { height: `${whole.height}px`, minWidth: `${whole.width}px` });
  layer.setAttribute("width", whole.width);
  layer.setAttribute("height", whole.height);
}

// The service whose panel is open stands out, and is in sight.
export function select(name) {
  nodes.get(selected)?.button.removeAttribute("aria-current");
  selected = name;
  seen();
}

function seen() {
  const button = nodes.get(selected)?.button;
  button?.setAttribute("aria-current", "true");
  button?.scrollIntoView({ block: "nearest", inline: "nearest" });
}

// ---- what each service looks like ----

function node(name) {
  const mark = h("span", { class: "mark" });
  const words = h("span", { class: "words" });
  const used = h("span", { class: "used" });
  const spark = s("svg", { class: "spark", viewBox: "0 0 60 14", preserveAspectRatio: "none", "aria-hidden": "true" });
  const more = h("span", { class: "unseen" });
  const button = h("button", {
    class: "node", type: "button", tabindex: -1, "data-name": name,
    onclick: () => { location.hash = `#/service/${name}`; },
    onfocus: () => { light(name); rove(name); }, onblur: () => light(""),
    onmouseenter: () => light(name, true), onmouseleave: () => light(""),
  },
  h("span", { class: "first" }, mark, h("span", { class: "name", title: name }, name)),
  h("span", { class: "second" }, words, spark, used), h("span", { class: "third" }, planned(name)?.about ?? ""), more);
  return { button, mark, words, used, more, spark };
}

function refresh() {
  const plan = last("plan");
  if (!here() || !plan || !nodes.size) return;
  const said = progress();
  const moving = last("job")?.state === "running" || Boolean(last("busy"));
  for (const [name, part] of nodes) {
    const about = planned(name);
    const { kind, word: how } = look(name, said, moving);
    const word = about && about.source !== "container" ? `${how} · ${about.source}` : how;
    if (part.button.dataset.kind !== kind) {
      part.button.dataset.kind = kind;
      fill(part.mark, shape(kind));
    }
    if (part.words.textContent !== word) part.words.textContent = word;
    part.button.classList.toggle("job", Boolean(about?.one_shot));
    const needs = Object.keys(about?.depends_on ?? {});
    const more = `${about ? "" : " not selected,"} ${needs.length ? `waits for ${needs.join(", ")}` : "waits for nothing"}`;
    if (part.more.textContent !== more) part.more.textContent = more;
  }
  for (const [key, line] of lines) {
    const [first, then] = key.split(" ");
    const need = planned(then)?.depends_on[first]?.condition;
    const open = satisfied(state(first), need);
    const there = ["ok", "done"].includes(condition(state(then)).kind);
    line.classList.toggle("waiting", !open && !there && moving);
    line.classList.toggle("idle", !open && !moving);
  }
  if (wanted) sift();
  if (![...nodes.values()].some((part) => part.button.tabIndex === 0)) rove([...nodes.keys()][0]);
}

// What a service's line of `./inv up` begins with, and the kind of state that is.
const SAID = [["waiting", "wait"], ["failed", "bad"], ["healthy", "ok"], ["done", "done"], ["left out", "idle"]];

// A service's state; while something is done, what that says of it, and whom it waits for.
export function look(name, said = progress(), moving = last("job")?.state === "running" || Boolean(last("busy"))) {
  const now = condition(state(name));
  if (said.has(name) && !["ok", "done", "bad"].includes(now.kind)) {
    const word = said.get(name);
    const [, kind = "busy"] = SAID.find(([first]) => word.startsWith(first)) ?? [];
    return { kind, word };
  }
  if (moving && ["idle", "wait"].includes(now.kind)) {
    const open = Object.entries(planned(name)?.depends_on ?? {})
      .filter(([other, edge]) => edge.required && !satisfied(state(other), edge.condition));
    if (open.length) return { kind: "wait", word: `waits for ${open.map(([other]) => other).join(", ")}` };
  }
  return now;
}

function measure() {
  if (!here()) return;
  const samples = last("samples");
  for (const [name, part] of nodes) {
    const runs = Boolean(state(name)?.state.startsWith("running"));
    if (part.samples === samples && part.runs === runs) continue;
    Object.assign(part, { samples, runs });
    const rows = measured(name);
    const [memory, processor] = (runs && rows.at(-1)) || [null, null];
    const words = [size(memory), percent(processor)].filter(Boolean).join(" · ");
    if (part.used.textContent !== words) part.used.textContent = words;
    const path = sparkline(rows.map((row) => row[1]), 60, 14);
    fill(part.spark, runs && path ? s("path", { d: path }) : null);
  }
}

// A line of values over the last ten minutes; its height is the most of them, and 5 % of a processor at least.
export function sparkline(values, width, height, full = 120) {
  const top = Math.max(0.05, ...values.filter((value) => value !== null));
  const points = values.map((value, at) => [width - (values.length - 1 - at) * (width / full), value]);
  let path = "";
  let open = false;
  for (const [x, value] of points) {
    if (value === null) { open = false; continue; }
    path += `${open ? "L" : "M"}${x.toFixed(1)} ${(height - 1 - (value / top) * (height - 2)).toFixed(1)}`;
    open = true;
  }
  return path;
}

// ---- what is looked for ----

// Show the services that have these words in their name, state or description, and those of the catalogue that are not
// selected; how many they are.
export function find(words) {
  wanted = words.trim().toLowerCase();
  return sift();
}

function sift() {
  if (!here()) return 0;
  box.classList.toggle("searched", Boolean(wanted));
  let number = 0;
  for (const [name, part] of nodes) {
    const text = `${name} ${part.words.textContent} ${planned(name)?.about ?? ""}`.toLowerCase();
    const found = Boolean(wanted) && text.includes(wanted);
    number += found;
    part.button.classList.toggle("found", found);
  }
  const more = wanted ? (last("plan")?.others ?? []).filter((one) => `${one.name} ${one.about}`.toLowerCase().includes(wanted)) : [];
  fill(others, "Not selected: ", more.map((one) => h("a", { class: "other", href: `#/service/${one.name}`, title: one.about }, one.name)));
  others.hidden = !more.length;
  return number + more.length;
}

// ---- the keyboard, and what belongs together ----

function rove(name) {
  for (const [other, part] of nodes) part.button.tabIndex = other === name ? 0 : -1;
}

function moved(event) {
  const name = event.target.dataset?.name;
  const step = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[event.key];
  if (!name || !step) return;
  event.preventDefault();
  const [x, y] = cells.get(name);
  const way = list ? [0, step[0] + step[1]] : step;
  const others = [...cells].filter(([other, [ox, oy]]) =>
    other !== name && (way[0] ? Math.sign(ox - x) === way[0] : ox === x && Math.sign(oy - y) === way[1]));
  const far = ([, [ox, oy]]) => Math.abs(ox - x) * 100 + Math.abs(oy - y);
  others.sort((one, other) => far(one) - far(other));
  nodes.get(others[0]?.[0])?.button.focus();
}

// Under the mouse the others are pale for a moment; where the keyboard is they stay readable.
function light(name, hovered = false) {
  if (!here()) return;
  const near = new Set([name]);
  for (const [key, line] of lines) {
    const ends = key.split(" ");
    const mine = ends.includes(name);
    line.classList.toggle("lit", mine);
    if (mine) ends.forEach((end) => near.add(end));
  }
  box.classList.toggle("dimmed", Boolean(name) && near.size > 1);
  box.classList.toggle("hovered", hovered && near.size > 1);
  for (const [other, part] of nodes) part.button.classList.toggle("near", near.has(other));
}
