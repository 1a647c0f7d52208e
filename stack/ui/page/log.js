// A service's log: the last 10,000 lines, of which those in sight alone are elements; searched, by level, paused.

import { fill, h } from "./dom.js";

const MOST = 10_000;
const ROW = 19;
const LEVELS = { all: "All lines", warning: "Warnings and errors", error: "Errors" };
const WANTED = { all: null, warning: new Set(["warning", "error"]), error: new Set(["error"]) };
const NOTHING = {
  reading: "Reading …", follows: "It has said nothing so far.", ended: "It said nothing, and has ended.",
  none: "It has no container, so there is no log: Start … makes one.", lost: "The log can't be read now. It is asked for again once the engine answers.",
};
const MARKS = { error: "▲", warning: "△", debug: "·", info: " " };

export function log(name) {
  let lines = [];
  let seen = [];
  let held = [];
  let paused = false;
  let follow = true;
  let level = "all";
  let words = "";
  let due = false;
  let many = 1;
  let top = 0;
  let high = 0;
  let tall = 0;

  const count = h("output", { class: "count" });
  const space = h("div", { class: "log-space" });
  const rows = h("div", { class: "log-rows" });
  const said = h("p", { class: "log-said", role: "status" });
  const view = h("div", { class: "log-view", tabindex: 0, role: "log", "aria-live": "off", "aria-label": `Log of ${name}`, onscroll: scrolled }, space, rows, said);
  const whole = h("pre", { class: "log-whole", hidden: true });
  const pause = h("button", { type: "button", "aria-pressed": "false", onclick: toggle }, "Pause");
  const element = h("div", { class: "log" },
    h("div", { class: "log-tools" },
      h("input", { type: "search", placeholder: "Search", "aria-label": "Search the log", oninput: (event) => { words = event.target.value.toLowerCase(); sift(); } }),
      h("select", { "aria-label": "Level", onchange: (event) => { level = event.target.value; sift(); } },
        Object.entries(LEVELS).map(([key, word]) => h("option", { value: key }, word))),
      pause, count),
    view, whole);

  let stream = null;
  let how = "reading";
  read();

  const sized = new ResizeObserver(([entry]) => { high = entry.contentRect.height; want(); });
  sized.observe(view);

  // From the beginning of what is kept: as it is opened, and once there is a new container.
  function read() {
    stream?.close();
    how = "reading";
    stream = new EventSource(`/api/log/${name}`);
    stream.addEventListener("begin", (event) => {
      many = JSON.parse(event.data).containers;
      how = many ? "follows" : "none";
      lines = [];
      held = [];
      sift();
    });
    stream.addEventListener("lines", (event) => take(JSON.parse(event.data)));
    // What has ended is not asked for again and again.
    stream.addEventListener("end", () => { stream.close(); if (how === "follows") how = "ended"; want(); });
    stream.addEventListener("error", () => { if (stream.readyState === EventSource.CLOSED && how !== "ended" && how !== "none") { how = "lost"; want(); } });
  }

  function fits(line) {
    const wanted = WANTED[level];
    return (!wanted || wanted.has(line[2])) && (!words || line[3].toLowerCase().includes(words));
  }

  function take(news) {
    if (paused) {
      held = held.length + news.length > MOST ? [...held, ...news].slice(-MOST) : held.concat(news);
      return want();
    }
    add(news);
  }

  function add(news) {
    for (const line of news) {
      lines.push(line);
      if (fits(line)) seen.push(line);
    }
    const over = lines.length - MOST;
    if (over > 0) {
      const gone = new Set(lines.splice(0, over));
      let from = 0;
      while (from < seen.length && gone.has(seen[from])) from += 1;
      seen.splice(0, from);
      if (!follow) view.scrollTop = Math.max(0, view.scrollTop - from * ROW);
    }
    want();
  }

  function sift() {
    seen = lines.filter(fits);
    follow = true;
    want();
  }

  function toggle() {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    if (!paused) { const news = held; held = []; follow = true; add(news); }
    want();
  }

  function scrolled() {
    follow = tall - view.scrollTop - high < ROW * 1.5;
    if (!follow || first(view.scrollTop) !== top) want();
  }

  function want() {
    if (due) return;
    due = true;
    requestAnimationFrame(() => { due = false; show(); });
  }

  // The first row that is an element, some above those in sight.
  const first = (from) => Math.max(0, Math.floor(from / ROW) - 5);

  // Nothing is read off the page before all is written: what was read in between would be laid out twice.
  function show() {
    const end = follow && !paused;
    if (tall !== seen.length * ROW) {
      tall = seen.length * ROW;
      space.style.height = `${tall}px`;
    }
    top = first(end ? tall - high : view.scrollTop);
    const empty = lines.length && !seen.length ? "No line is like that." : lines.length ? "" : NOTHING[how];
    if (said.textContent !== empty) said.textContent = empty;
    pause.textContent = paused ? (held.length ? `Go on (${held.length.toLocaleString()} new)` : "Go on") : "Pause";
    count.textContent = `${seen.length.toLocaleString()}${seen.length === lines.length ? "" : ` of ${lines.length.toLocaleString()}`} ${lines.length === 1 ? "line" : "lines"}${how === "ended" ? ", ended" : how === "lost" ? ", cut off" : ""}`;
    const shown = seen.slice(top, top + Math.ceil(high / ROW) + 10);
    rows.style.transform = `translateY(${top * ROW}px)`;
    while (rows.children.length > shown.length) rows.lastChild.remove();
    while (rows.children.length < shown.length) rows.append(blank());
    shown.forEach((line, at) => put(rows.children[at], line));
    if (end) view.scrollTop = tall;
  }

  function blank() {
    const row = h("div", { class: "log-row", onclick: () => { whole.hidden = whole.textContent === row.line?.[3] && !whole.hidden; whole.textContent = row.line?.[3] ?? ""; } },
      ["i", "time", "span"].map((tag) => h(tag, {}, "")));
    row.texts = [...row.children].map((one) => one.firstChild);
    return row;
  }

  function put(row, line) {
    if (row.line === line) return;
    row.line = line;
    const [at, number, kind, text] = line;
    row.className = `log-row ${kind}`;
    const [mark, time, said] = row.texts;
    mark.data = MARKS[kind];
    time.data = `${local(at)}${many > 1 ? ` #${number}` : ""}`;
    said.data = text.length > 2000 ? `${text.slice(0, 2000)} …` : text;
  }

  return { element, read, lost: () => how === "lost", end() { stream.close(); sized.disconnect(); fill(element); } };
}

let zone = null;

// The engine's time (UTC) as a clock here shows it.
function local(at) {
  if (!at) return "";
  zone ??= new Date().getTimezoneOffset();
  if (zone === 0) return at.slice(11, 23);
  const date = new Date(at.slice(0, 23) + "Z");
  return `${date.toTimeString().slice(0, 8)}${at.slice(19, 23)}`;
}
