// The page of `./inv ui`. Plain modules, nothing is built: change one and load the page again.
//
//   main      what is shown for which address (#/, #/service/NAME[/log|/settings], #/doctor,
//             #/addresses, #/timeline, #/add), the head
//   store     what the server told last, by its stream of events (stack/ui/__init__.py lists them)
//   api       asking and sending
//   layout    where each service stands in the graph, in numbers; picture draws it, and the states
//   panel     one service; log its log
//   addresses, doctor, timeline, add (a new service): the other views
//   act       an action: shown, asked, done; the commands at the top
//   theme     light or dark
//   words     states, sizes and times in words; dom elements from words

import { add } from "./add.js";
import { addresses } from "./addresses.js";
import { commands, problem } from "./act.js";
import { byId, fill, h } from "./dom.js";
import { doctor } from "./doctor.js";
import { close, show } from "./panel.js";
import { draw, find, look, select } from "./picture.js";
import { last, listen, on, progress } from "./store.js";
import { timeline } from "./timeline.js";
import { shape } from "./words.js";

const VIEWS = { "": draw, service: draw, addresses, doctor, timeline, add };
let view = null;

function route() {
  const [, first = "", name = "", part = ""] = location.hash.split("/");
  const drawing = VIEWS[first] ?? draw;
  const main = byId("main");
  if (drawing !== view) {
    view = drawing;
    main.classList.toggle("of-graph", drawing === draw);
    main.scrollTop = 0;
    drawing(main);
  }
  if (first === "service" && name) show(decodeURIComponent(name), part);
  else leave();
  select(first === "service" ? decodeURIComponent(name) : "");
  for (const link of document.querySelectorAll("header nav a")) {
    const [, own = ""] = link.getAttribute("href").split("/");
    if ((VIEWS[own] ?? draw) === drawing) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

// Back to where the panel was opened from.
function leave() {
  const name = byId("panel").hidden ? "" : byId("panel").getAttribute("aria-label");
  close();
  if (name) document.querySelector(`.node[data-name="${name}"]`)?.focus({ preventScroll: true });
}

function summary() {
  const plan = last("plan");
  if (!last("status") || !plan) return;
  byId("project").textContent = last("status").project;
  document.title = `${last("status").project} · GenAI Vanilla Stack`;
  const said = progress();
  const kinds = plan.services.map((one) => look(one.name, said).kind);
  const number = (...wanted) => kinds.filter((kind) => wanted.includes(kind)).length;
  const parts = [
    [number("ok", "done"), `of ${kinds.length} up`, number("ok", "done") === kinds.length ? "ok" : "idle"],
    [number("busy"), "starting", "busy"], [number("bad"), "failed", "bad"],
  ];
  fill(byId("summary"), parts.filter(([count], at) => count || !at).map(([count, words, kind]) =>
    h("span", {}, shape(kind), `${count} ${words}`)));
}

function notes() {
  const plan = last("plan");
  const engine = last("engine");
  const busy = last("busy");
  const server = last("server-answers") === false ? [{ message: "The server of this page does not answer. It is looked for again and again.", fix: "./inv ui" }] : [];
  const away = engine && !engine.answers ? [{ message: `The engine does not answer: ${engine.said}. This page goes on by itself once it does.`, fix: "./inv engine" }] : [];
  const left = (plan?.left_out ?? []).map((one) => ({ message: `${one.name} was left out: ${one.why}` }));
  const working = busy && last("job")?.state !== "running" ? [h("p", { class: "busy" }, shape("busy"), `${busy} is at work on this checkout.`)] : [];
  const said = (plan?.problems ?? []).filter((one) => !(one.code === "no-engine" && away.length));
  const more = [...said, ...left];
  const open = byId("notes").querySelector("details")?.open ?? plan?.services.length === 0;
  fill(byId("notes"), working, [...server, ...away].map(problem), more.length
    ? h("details", { open }, h("summary", {}, shape("warn"), ` ${more.length} ${more.length === 1 ? "note" : "notes"} on the plan: ${more[0].message.split("\n")[0]}`), more.map(problem))
    : null);
}

on(["plan", "status", "job", "busy"], summary);
on(["plan", "engine", "busy", "job", "server-answers"], notes);
addEventListener("hashchange", route);
addEventListener("keydown", (event) => {
  const typing = event.target.matches?.("input, textarea, select");
  const sought = event.target.type === "search" && event.target.value;
  if (event.key === "Escape" && !sought && !byId("panel").hidden && !byId("ask").open) location.hash = "#/";
  if (event.key === "/" && !typing && !byId("ask").open) {
    event.preventDefault();
    byId("find").focus();
  }
});
byId("find").addEventListener("input", () => {
  if (VIEWS[location.hash.split("/")[1] ?? ""] !== draw) location.hash = "#/";
  const number = find(byId("find").value);
  byId("found").textContent = byId("find").value ? `${number} found` : "";
});
byId("find").addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  const name = document.querySelector(".node.found")?.dataset.name ?? document.querySelector(".other")?.textContent;
  if (name) location.hash = `#/service/${name}`;
});
commands(byId("commands"));
route();
listen();
