// What changed when: the starts that are recorded, and the engine's events, the newest first.

import { changed as changedTo } from "./act.js";
import { fill, h } from "./dom.js";
import { last, on } from "./store.js";
import { clock, day, shape } from "./words.js";

const KINDS = { start: "busy", die: "idle", oom: "bad", "health_status healthy": "ok", "health_status unhealthy": "bad", create: "wait", destroy: "idle", restart: "busy", pause: "idle", unpause: "busy" };
const OUTCOMES = { done: "done", failed: "bad", interrupted: "idle", "cut off": "idle" };
let box = null;

export function timeline(main) {
  box = h("ol", { class: "timeline" });
  fill(main, h("div", { class: "page" }, h("h2", {}, "Timeline"),
    h("p", { class: "lead" }, "Every recorded start, and what the engine told since about an hour before this page was started."), box));
  draw();
}

on(["happened", "timeline"], () => draw());

function words(event) {
  if (event.action === "health_status") return `is ${event.more}`;
  if (event.action === "die") return event.more === "0" ? "ended well" : `ended with exit code ${event.more}`;
  return { start: "was started", create: "was made", destroy: "was removed", restart: "was restarted", oom: "ran out of memory", pause: "was paused", unpause: "goes on" }[event.action] ?? event.action;
}

function kind(event) {
  if (event.action === "health_status") return KINDS[`health_status ${event.more}`] ?? "busy";
  if (event.action === "die") return event.more === "0" ? "done" : "bad";
  return KINDS[event.action] ?? "idle";
}

function draw() {
  if (!box?.isConnected) return;
  const starts = (last("timeline") ?? []).map((one) => ({ at: new Date(one.at), start: one }));
  const events = (last("happened") ?? []).map((one) => ({ at: new Date(one.at * 1000), event: one }));
  const all = [...starts, ...events].sort((one, other) => other.at - one.at);
  let before = "";
  fill(box, all.length ? null : h("li", { class: "empty" }, "Nothing has happened yet: Start … begins."), all.flatMap(({ at, start, event }) => {
    const head = day(at) === before ? null : h("li", { class: "day" }, h("h3", {}, day(at)));
    before = day(at);
    return [head, start ? startRow(at, start) : eventRow(at, event)];
  }));
}

const eventRow = (at, event) => h("li", {}, h("time", {}, clock(at)), shape(kind(event)),
  h("span", {}, h("a", { href: `#/service/${event.service}` }, event.service), ` ${words(event)}`));

function startRow(at, start) {
  const changed = start.changes.filter((one) => !["unchanged", "beyond"].includes(one.action));
  const settings = start.settings.map((one) => `${one.name}: ${one.before ?? "unset"} → ${one.after ?? "unset"}`);
  return h("li", { class: "start" }, h("time", {}, clock(at)), shape(OUTCOMES[start.outcome] ?? "idle"),
    h("div", {}, h("code", { class: "command" }, start.command.replace(/ --json$/, "")), h("small", {}, ` start ${start.number}, ${start.outcome}`),
      changed.length ? h("p", {}, changed.map((one) => `${one.name} ${changedTo(one.action)}`).join(", ")) : null,
      settings.map((line) => h("p", { class: "quiet" }, line))));
}
