// Actions: each is shown first (the commands, and what they would change), and asked; then its lines are shown as a
// terminal has them.

import { byId, fill, h } from "./dom.js";
import { look, post, Refusal } from "./api.js";
import { last, on } from "./store.js";
import { shape } from "./words.js";

const CHANGES = {
  create: ["made", "new"], recreate: ["made anew", "away until it is healthy again"],
  replace: ["replaced", "the old ones stay until the new ones are healthy"], scale: ["scaled", ""], start: ["started", ""],
  remove: ["removed", ""], restart: ["restarted", "away for a moment"], beyond: ["left alone", "not selected"],
};

export const changed = (action) => (CHANGES[action] ?? [action])[0];

export const code = (line) => h("code", { class: "command" }, line);

export function problem(one) {
  const [first, ...more] = one.message.split("\n");
  return h("div", { class: "problem" },
    h("p", {}, shape("warn"), h("span", {}, first, one.where ? h("small", {}, ` ${one.where}`) : null)),
    more.length ? h("pre", {}, more.join("\n")) : null,
    one.fix ? h("p", { class: "fix" }, "→ ", /^(\.\/inv|docker|sudo|chmod) /.test(one.fix) ? code(one.fix) : one.fix) : null);
}

export const refused = (error) =>
  h("div", {}, (error instanceof Refusal ? error.problems : [{ message: String(error) }]).map(problem));

function changes(list) {
  if (list === null || list === undefined) return null;
  const real = list.filter((one) => one.action !== "unchanged" && one.action !== "beyond");
  const same = list.filter((one) => one.action === "unchanged").length;
  if (!real.length) return h("p", {}, "Everything already is as planned: nothing would change.");
  return [
    h("ul", { class: "changes" }, real.map((one) => {
      const [word, more] = CHANGES[one.action] ?? [one.action, ""];
      return h("li", { "data-action": one.action }, h("b", {}, one.name), h("span", { class: "action" }, ` ${word}`),
        h("small", {}, [one.keys.join(", "), more].filter(Boolean).map((words) => ` · ${words}`).join("")));
    })),
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
let asked = 0;

// Show what an action would do, and do it once that is agreed to.
export async function act(action) {
  const turn = ++asked;
  const close = () => dialog().close();
  dialog().classList.remove("wide");
  fill(dialog(), h("h2", { id: "ask-title" }, "One moment"), h("p", {}, "Looking at what this would change …"),
    h("footer", {}, h("button", { type: "button", onclick: close }, "Not now")));
  dialog().showModal();
  let preview;
  try {
    preview = await look("/api/preview", action);
  } catch (error) {
    preview = { title: "This can't be done", commands: [], lines: [], changes: null, possible: false, problems: error.problems ?? [{ message: String(error) }] };
  }
  if (turn !== asked || !dialog().open) return;
  const looks = last("server")?.read_only;
  const begin = async () => {
    try {
      await post("/api/do", action);
      close();
    } catch (error) {
      fill(dialog(), h("h2", { id: "ask-title" }, "This was not begun"), refused(error),
        h("footer", {}, h("button", { type: "button", onclick: close }, "Close")));
    }
  };
  dialog().classList.toggle("wide", Boolean(preview.diff?.length));
  fill(dialog(), h("h2", { id: "ask-title" }, preview.title),
    changes(preview.changes), preview.lines.map((line) => h("p", { class: "line" }, line)),
    preview.problems.map(problem), differences(preview.diff ?? []),
    preview.commands.length ? h("div", { class: "typed" }, h("h3", {}, "The same, typed"), preview.commands.map(code)) : null,
    looks ? h("p", { class: "quiet" }, "This page only looks: it was started with --read-only.") : null,
    h("footer", {}, h("button", { type: "button", onclick: close }, preview.possible && !looks ? "Not now" : "Close"),
      preview.possible && !looks ? h("button", { type: "button", class: "primary", onclick: begin }, "Do it") : null));
  // What had the focus is gone with what stood there before.
  dialog().querySelector("footer button:last-child").focus({ preventScroll: true });
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
  fill(box.querySelector(".problems"), job.problems.map(problem));
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
        changed && up ? `Start ${changed} ${changed === 1 ? "change" : "changes"} …` : "Start …"),
      h("button", { type: "button", disabled: off, onclick: () => more() }, "Add a profile …"),
      h("button", { type: "button", disabled: off || !up, onclick: () => act({ do: "down" }) }, "Stop …"));
  };
  on(["plan", "status", "job", "busy"], draw);
  draw();
}

// Which profiles there are, and which are selected.
function more() {
  const plan = last("plan");
  const close = () => dialog().close();
  const have = new Set(plan?.profiles ?? []);
  const boxes = (plan?.known_profiles ?? []).map((name) =>
    h("label", { class: "choice" }, h("input", { type: "checkbox", name, checked: have.has(name), disabled: have.has(name) }), name));
  fill(dialog(), h("h2", { id: "ask-title" }, "Add a profile"),
    h("p", {}, "A profile is a set of services. What it needs comes with it, and it stays selected."),
    h("div", { class: "choices" }, boxes),
    h("footer", {}, h("button", { type: "button", onclick: close }, "Not now"),
      h("button", { type: "button", class: "primary", onclick: () => {
        const chosen = boxes.map((label) => label.firstChild).filter((one) => one.checked && !one.disabled).map((one) => one.name);
        close();
        if (chosen.length) act({ do: "up", profiles: chosen });
      } }, "See what that starts")));
  dialog().showModal();
}

