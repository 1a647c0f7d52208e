// Actions: each is shown first (the commands, and what they would change), and asked; then its lines are shown as a
// terminal has them.

import { byId, fill, h } from "./dom.js";
import { look, post, Refusal } from "./api.js";
import { last, on } from "./store.js";
import { shape } from "./words.js";

const CHANGES = {
  create: ["made", "New"], recreate: ["made anew", "Made anew, away until healthy again"],
  replace: ["replaced", "Replaced, the old ones stay until the new ones are healthy"], scale: ["scaled", "Another number"],
  start: ["started", "Started"], remove: ["removed", "Removed"], restart: ["restarted", "Restarted, away for a moment"],
  beyond: ["left alone", "Not selected, left alone"],
};

export const changed = (action) => (CHANGES[action] ?? [action])[0];

export const code = (line) => h("code", { class: "command" }, line);

// What mends something: a command and perhaps words behind it, or words.
export function remedy(fix) {
  const [, line, more] = /^((?:\.\/inv|docker|sudo|chmod) .*?)((?:, | \().*)?$/s.exec(fix) ?? [];
  return h("span", { class: "remedy" }, "→", line ? h("span", {}, code(line), more) : h("span", {}, fix));
}

export function problem(one) {
  const [first, ...more] = one.message.split("\n");
  return h("div", { class: "problem" },
    h("p", {}, shape("warn"), h("span", {}, first, one.where ? h("small", {}, ` ${one.where}`) : null)),
    more.length ? h("pre", {}, more.join("\n")) : null,
    one.fix ? h("p", { class: "fix" }, remedy(one.fix)) : null);
}

export const refused = (error) =>
  h("div", {}, (error instanceof Refusal ? error.problems : [{ message: String(error) }]).map(problem));

function changes(list) {
  if (list === null || list === undefined) return null;
  const real = list.filter((one) => one.action !== "unchanged" && one.action !== "beyond");
  const same = list.filter((one) => one.action === "unchanged").length;
  if (!real.length) return h("p", {}, "Everything already is as planned: nothing would change.");
  return [
    Object.entries(Object.groupBy(real, (one) => one.action)).map(([action, those]) => [
      h("h3", {}, `${(CHANGES[action] ?? [action, action])[1]} (${those.length})`),
      h("ul", { class: "changes", "data-action": action }, those.map((one) =>
        h("li", {}, h("b", {}, one.name), one.keys.length ? h("small", {}, ` ${one.keys.join(", ")}`) : null))),
    ]),
    same ? h("p", { class: "quiet" }, `${same} ${same === 1 ? "service stays" : "services stay"} as ${same === 1 ? "it is" : "they are"}.`) : null,
  ];
}

// What would stand in files; a line's first character says whether it comes or goes.
function differences(lines) {
  if (!lines.length) return null;
  const files = [];
  for (const line of lines) line.startsWith("--- ") ? files.push([line]) : files.at(-1)?.push(line);
  // What follows from the others comes last.
  const follows = (file) => /^(---|\+\+\+) (docs\/|\.env\.example)/.test(file[1]);
  files.sort((one, other) => follows(one) - follows(other));
  const kind = (line) => (/^(---|\+\+\+|@@)/.test(line) ? "head" : { "+": "more", "-": "less" }[line[0]] ?? null);
  return [h("h3", {}, files.length === 1 ? `What would be written to ${files[0][1].slice(4)}` : `What would be written, to ${files.length} files`),
    h("pre", { class: "diff", tabindex: 0, "aria-label": "The difference" }, files.flat().map((line) => h("span", { class: kind(line) }, `${line}\n`)))];
}

const dialog = () => byId("ask");
const button = (words, onclick, kind = null) => h("button", { type: "button", class: kind, onclick }, words);
const close = () => dialog().close();
let asked = 0;

// The dialog: what it is about may be long and scrolls, its buttons stay in sight.
function put(title, body, ...buttons) {
  const middle = h("div", { class: "ask-body" }, body);
  fill(dialog(), h("h2", { id: "ask-title" }, title), middle, h("footer", {}, buttons));
  if (!dialog().open) dialog().showModal();
  if (middle.scrollHeight > middle.clientHeight) Object.assign(middle, { tabIndex: 0, role: "group", ariaLabel: "What would change" });
}

// Show what an action would do, and do it once that is agreed to.
export async function act(action) {
  const turn = ++asked;
  dialog().classList.remove("wide");
  put("One moment", h("p", {}, "Looking at what this would change …"), button("Not now", close));
  let preview;
  try {
    preview = await look("/api/preview", action);
  } catch (error) {
    preview = { title: "This can't be done", commands: [], lines: [], changes: null, possible: false, problems: error.problems ?? [{ message: String(error) }] };
  }
  if (turn !== asked || !dialog().open) return;
  const can = preview.possible && !last("server")?.read_only;
  const begin = async () => {
    try {
      await post("/api/do", action);
      close();
    } catch (error) {
      put("This was not begun", refused(error), button("Close", close));
    }
  };
  dialog().classList.toggle("wide", Boolean(preview.diff?.length));
  put(preview.title, described(preview), button(can ? "Not now" : "Close", close), can ? button("Do it", begin, "primary") : null);
  // What had the focus is gone with what stood there before.
  dialog().querySelector("footer button:last-child").focus({ preventScroll: true });
}

function described({ changes: list, lines, problems, diff, commands, possible }) {
  return [
    changes(list), lines.map((line) => h("p", { class: "line" }, line)), problems.map(problem), differences(diff ?? []),
    commands.length ? h("div", { class: "typed" }, h("h3", {}, "The same, typed"), commands.map(code)) : null,
    last("busy") && possible ? h("p", { class: "quiet" }, `It waits for ${last("busy")}, which is at work.`) : null,
    last("server")?.read_only ? h("p", { class: "quiet" }, "This page only looks: it was started with --read-only.") : null,
  ];
}

// ---- what is being done ----

let shownNumber = 0;
let dismissed = 0;

on(["job"], (job) => {
  const box = byId("job");
  if (!job || job.number === dismissed || (job.number !== shownNumber && job.state !== "running")) return;
  if (job.number !== shownNumber) {
    shownNumber = job.number;
    fill(box, h("div", { class: "job-head" }, h("span", { class: "mark" }), h("b", {}, job.title), h("span", { class: "state", role: "status" }),
      h("button", { type: "button", class: "stop", onclick: () => post("/api/stop", {}) }, "Stop"),
      h("a", { class: "reached", href: "#/addresses" }, "Where it is reached"),
      job.then && !last("server")?.read_only ? h("button", { type: "button", class: "then primary", onclick: () => act(job.then) }, "Start it …") : null,
      h("button", { type: "button", class: "close", onclick: () => { dismissed = job.number; box.hidden = true; document.body.classList.remove("has-job"); } }, "Close")),
      h("pre", { tabindex: 0, "aria-label": "What it says" }), h("div", { class: "problems" }));
  }
  box.hidden = false;
  document.body.classList.add("has-job");
  Object.assign(box.dataset, { state: job.state, number: job.number });
  const words = { running: "under way", done: "done", failed: "did not get there", stopped: "was stopped; what was finished stays" };
  box.querySelector(".state").textContent = words[job.state];
  fill(box.querySelector(".mark"), shape({ running: "busy", done: "done", failed: "bad", stopped: "idle" }[job.state]));
  const pre = box.querySelector("pre");
  const atEnd = pre.scrollHeight - pre.scrollTop - pre.clientHeight < 30;
  pre.textContent = job.lines.join("\n");
  if (atEnd) pre.scrollTop = pre.scrollHeight;
  fill(box.querySelector(".problems"), job.problems.map(problem),
    job.state === "running" ? null : (job.data?.left_out ?? []).map((one) => problem({ message: `${one.name} was left out: ${one.why}` })));
  box.querySelector(".reached").hidden = job.state !== "done" || !job.data?.urls?.length;
});

// ---- the commands at the top ----

export function commands(box) {
  const draw = () => {
    const plan = last("plan");
    const running = last("job")?.state === "running";
    const off = running || Boolean(last("busy"));
    const changed = (plan?.changes ?? []).filter((one) => !["unchanged", "beyond"].includes(one.action)).length;
    const up = (last("status")?.services ?? []).some((one) => one.state !== "absent");
    fill(box,
      h("button", { type: "button", class: changed ? "primary" : null, disabled: off, onclick: () => act({ do: "up" }) },
        "Start", changed && up && !off ? h("span", { class: "many" }, ` ${changed} ${changed === 1 ? "change" : "changes"}`) : null, " …"),
      h("button", { type: "button", disabled: off, onclick: () => more() }, "Profiles …"),
      h("button", { type: "button", disabled: off || !up, onclick: () => act({ do: "down" }) }, "Stop …"));
  };
  on(["plan", "status", "job", "busy"], draw);
  draw();
}

// Which profiles there are, what is in each, and which are selected.
function more() {
  const plan = last("plan");
  const have = new Set(plan?.profiles ?? []);
  const boxes = Object.entries(plan?.known_profiles ?? {}).map(([name, services]) =>
    h("label", { class: "choice" }, h("input", { type: "checkbox", name, checked: have.has(name), disabled: have.has(name) }),
      h("span", {}, h("b", {}, name), h("small", {}, name === "all" ? "every service" : services.join(", ")))));
  const chosen = () => boxes.map((label) => label.firstChild).filter((one) => one.checked && !one.disabled).map((one) => one.name);
  dialog().classList.add("wide");
  put("Add a profile", [
    h("p", {}, "A profile is a set of services. What it needs comes with it, and it stays selected."),
    h("div", { class: "choices" }, boxes),
  ], button("Not now", close), button("See what that starts", () => {
    const profiles = chosen();
    close();
    if (profiles.length) act({ do: "up", profiles });
  }, "primary"));
}
