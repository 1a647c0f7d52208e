// The plan's graph: tiers from left to right, an arrow from what starts first to what waits for it. What stands alone is
// in rows below. Where there is no room for that (a phone), the services are a list in the same order.

import { fill, h, s } from "./dom.js";
import { last, measured, on, planned, progress, state } from "./store.js";
import { condition, percent, satisfied, shape, size } from "./words.js";

const NODE = { height: 43, least: 148, most: 230 };
const ROOMY = { height: 66, least: 180, most: 270 };
const PASSING = 6;
const GAP = { row: 7, column: 26, edge: 20, above: 10, label: 20 };
const NARROW = 700;
const SWEEPS = 6;

const nodes = new Map();
let box, lines, layer, shown = "", placed = new Map(), wanted = "";

export function draw(main) {
  layer = s("svg", { class: "edges", "aria-hidden": "true" });
  lines = new Map();
  box = h("div", { class: "graph", role: "group", "aria-label": "Services, those that start first in front", onkeydown: moved });
  fill(main, box);
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
  const key = JSON.stringify([plan.order, plan.arrows, beyond, box.parentElement.clientWidth, box.parentElement.clientHeight, plan.services.map((one) => one.source)]);
  if (key === shown) return refresh();
  shown = key;
  const focused = box.contains(document.activeElement) ? document.activeElement.dataset.name : "";
  nodes.clear();
  lines.clear();
  const columns = ordered(plan);
  const linked = new Set(plan.arrows.flatMap(([first, then]) => [first, then]));
  const alone = [...plan.order.flat().filter((name) => !linked.has(name)), ...beyond];
  const all = [...columns.flat().filter((one) => !passes(one)), ...alone];
  for (const name of all) nodes.set(name, node(name));
  for (const [first, then, required] of plan.arrows) {
    const line = s("path", { class: required ? "edge" : "edge optional" });
    lines.set(`${first} ${then}`, line);
  }
  fill(layer, ...lines.values());
  fill(box, layer, ...all.map((name) => nodes.get(name).button),
    all.length ? null : h("p", { class: "empty" }, "Nothing is planned."));
  place(columns, alone);
  refresh();
  measure();
  if (focused) nodes.get(focused)?.button.focus({ preventScroll: true });
}

// The tiers with what stands in them: services, and where an arrow passes a tier, a place for it ("first then"), so
// that it goes between the services and not behind them. Each tier is in the order that has arrows cross the least: what
// stands in it goes to the middle of its neighbours.
function ordered(plan) {
  const linked = new Set(plan.arrows.flatMap(([first, then]) => [first, then]));
  const columns = plan.order.map((tier) => tier.filter((name) => linked.has(name))).filter((tier) => tier.length);
  const tier = new Map(columns.flatMap((column, x) => column.map((name) => [name, x])));
  const next = columns.map(() => [new Map(), new Map()]);
  const join = (x, side, one, other) => next[x][side].set(one, [...(next[x][side].get(one) ?? []), other]);
  for (const [first, then] of plan.arrows) {
    const [from, to] = [tier.get(first), tier.get(then)];
    const way = [first, ...Array(to - from - 1).fill(`${first} ${then}`), then];
    way.slice(1, -1).forEach((passing, at) => columns[from + at + 1].push(passing));
    way.slice(1).forEach((other, at) => {
      join(from + at + 1, 0, other, way[at]);
      join(from + at, 1, way[at], other);
    });
  }
  const settle = (column) => new Map(column.map((one, row) => [one, (row + 0.5) / column.length]));
  const at = columns.map(settle);
  const towards = (x, side, one) => {
    const places = (next[x][side].get(one) ?? []).map((other) => at[x + (side ? 1 : -1)].get(other));
    return places.length ? places.reduce((sum, place) => sum + place, 0) / places.length : at[x].get(one);
  };
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const side = sweep % 2;
    for (const x of [...columns.keys()].sort((one, other) => (side ? other - one : one - other))) {
      const wanted = new Map(columns[x].map((one) => [one, towards(x, side, one)]));
      columns[x].sort((one, other) => wanted.get(one) - wanted.get(other) || one.localeCompare(other));
      at[x] = settle(columns[x]);
    }
  }
  return columns;
}

const passes = (one) => one.includes(" ");

// Where there is room, a service has a line that says what it is.
function place(columns, alone) {
  const narrow = innerWidth < NARROW;
  const tallest = Math.max(...columns.map((column) => column.length), 1);
  const roomy = !narrow && columns.length <= 5 && tallest <= 9 && alone.length <= 10;
  const { height, least, most } = roomy ? ROOMY : NODE;
  box.classList.toggle("list", narrow);
  box.classList.toggle("roomy", roomy);
  placed = new Map();
  columns.forEach((column, x) => column.filter((one) => !passes(one)).forEach((name, y) => placed.set(name, [x, y])));
  const room = box.parentElement.clientWidth - 2 * GAP.edge;
  const fit = Math.floor((room + GAP.column) / (least + GAP.column));
  const count = Math.max(columns.length, columns.length > 3 ? 0 : Math.min(alone.length, fit, 6), 1);
  alone.forEach((name, at) => placed.set(name, [at % count, 1000 + Math.floor(at / count)]));
  if (narrow) return;
  const width = Math.max(least, Math.min(most, (room - (count - 1) * GAP.column) / count));
  const pitch = Math.max(width + GAP.column, count > 1 ? Math.min((room - width) / (count - 1), width * 1.6) : 0);
  const used = pitch * (count - 1) + width;
  const left = GAP.edge + Math.max((room - used) / 2, 0);
  const tall = (one) => (passes(one) ? PASSING : height);
  const sum = (column) => column.reduce((total, one) => total + tall(one), 0);
  const rowsAlone = Math.ceil(alone.length / count);
  const below = alone.length ? rowsAlone * (height + GAP.row) + (columns.length ? GAP.label : 0) : 0;
  const free = box.parentElement.clientHeight - below - 2 * GAP.above;
  const whole = Math.max(...columns.map((column) => sum(column) + (column.length - 1) * GAP.row), 0);
  const high = Math.max(whole, Math.min(free, whole * 1.7));
  const lead = GAP.above + Math.max(0, Math.min((free - high) / 2, 60));
  const spots = new Map();
  columns.forEach((column, x) => {
    const gap = column.length > 1 ? Math.min((high - sum(column)) / (column.length - 1), height * 0.9) : 0;
    let y = lead + (high - sum(column) - gap * (column.length - 1)) / 2;
    for (const one of column) {
      spots.set(passes(one) ? `${one} ${x}` : one, [left + x * pitch, y]);
      y += tall(one) + gap;
    }
  });
  const start = lead + (columns.length ? high + GAP.label : 0);
  alone.forEach((name, at) =>
    spots.set(name, [left + (at % count) * pitch, start + Math.floor(at / count) * (height + GAP.row)]));
  const bottom = start + rowsAlone * (height + GAP.row) + GAP.above;
  for (const [name, part] of nodes) {
    const [x, y] = spots.get(name);
    Object.assign(part.button.style, { left: `${x}px`, top: `${y}px`, width: `${width}px`, height: `${height}px` });
  }
  Object.assign(box.style, { height: `${bottom}px`, minWidth: `${left + used + GAP.edge}px` });
  layer.setAttribute("width", left + used + GAP.edge);
  layer.setAttribute("height", bottom);
  const tier = new Map(columns.flatMap((column, x) => column.map((one) => [one, x])));
  for (const [key, line] of lines) {
    const [first, then] = key.split(" ");
    let [x, y] = spots.get(first);
    let path = `M${x + width} ${y + height / 2}`;
    [x, y] = [x + width, y + height / 2];
    for (let at = tier.get(first) + 1; at < tier.get(then); at += 1) {
      const [px, py] = spots.get(`${key} ${at}`);
      path += `${curve(x, y, px, py + PASSING / 2)}H${px + width}`;
      [x, y] = [px + width, py + PASSING / 2];
    }
    const [ex, ey] = spots.get(then);
    line.setAttribute("d", path + curve(x, y, ex, ey + height / 2));
  }
}

function curve(x1, y1, x2, y2) {
  const bend = (x2 - x1) / 2;
  return `C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
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
  h("span", { class: "first" }, mark, h("span", { class: "name" }, name), spark),
  h("span", { class: "second" }, words, used), h("span", { class: "third" }, planned(name)?.about ?? ""), more);
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

// A service's state; while something is done, what that says of it, and whom it waits for.
export function look(name, said = progress(), moving = last("job")?.state === "running" || Boolean(last("busy"))) {
  const now = condition(state(name));
  if (said.has(name) && !["ok", "done", "bad"].includes(now.kind)) {
    const word = said.get(name);
    return { kind: word.startsWith("waiting") ? "wait" : word.startsWith("failed") ? "bad" : "busy", word };
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

// Show the services that have these words in their name, state or description; how many they are.
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
  return number;
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
  const [x, y] = placed.get(name);
  const others = [...placed].filter(([other, [ox, oy]]) =>
    other !== name && (step[0] ? Math.sign(ox - x) === step[0] : ox === x && Math.sign(oy - y) === step[1]));
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
