// All that is known of one service, and what can be done with it.

import { byId, fill, h, s } from "./dom.js";
import { get, look as ask } from "./api.js";
import { act, changed, code, problem, refused } from "./act.js";
import { web } from "./addresses.js";
import { log } from "./log.js";
import { look, sparkline } from "./picture.js";
import { last, measured, on, planned, state } from "./store.js";
import { clock, percent, shape, size, span } from "./words.js";

const PARTS = { "": "About", log: "Log", settings: "Settings" };
const MOST_REASONS = 4;
const FOCUSED = "a, button, input, select";
let open = null;

export function close() {
  open?.log?.end();
  open = null;
  const panel = byId("panel");
  panel.hidden = true;
  panel.classList.remove("wide");
  fill(panel);
  document.body.classList.remove("has-panel");
}

export async function show(name, part = "") {
  const panel = byId("panel");
  if (open?.name === name && open.part === part) return;
  const before = open?.name;
  open?.log?.end();
  open = { name, part, known: before === name ? open.known : null };
  panel.hidden = false;
  document.body.classList.add("has-panel");
  panel.classList.toggle("wide", part === "log");
  panel.setAttribute("aria-label", name);
  const body = h("div", { class: "panel-body" }, h("p", { class: "empty" }, "Looking …"));
  fill(panel,
    h("div", { class: "panel-head" },
      h("h2", { tabindex: -1 }, name),
      h("a", { class: "close", href: "#/", "aria-label": `Close ${name}` }, "×"),
      h("p", { class: "now" }),
      h("nav", { "aria-label": `Of ${name}` }, Object.entries(PARTS).map(([key, word]) =>
        h("a", { href: `#/service/${name}${key ? `/${key}` : ""}`, "aria-current": key === part ? "page" : null }, word)))),
    body);
  now();
  if (before !== name) panel.querySelector("h2").focus({ preventScroll: true });
  if (part === "log") {
    open.log = log(name);
    fill(body, open.log.element);
    body.classList.add("of-log");
    return;
  }
  await load();
}

async function load() {
  const mine = open;
  try {
    mine.known = await get(`/api/service/${mine.name}`);
  } catch (error) {
    if (open === mine) fill(byId("panel").querySelector(".panel-body"), refused(error));
    return;
  }
  if (open !== mine || !byId("panel").querySelector(".panel-body")) return;
  const body = byId("panel").querySelector(".panel-body");
  const at = [...body.querySelectorAll(FOCUSED)].indexOf(document.activeElement);
  fill(body, mine.part === "settings" ? settings(mine.known) : about(mine.known));
  body.querySelectorAll(FOCUSED)[at]?.focus({ preventScroll: true });
  measure();
}

function now() {
  if (!open) return;
  const box = byId("panel").querySelector(".now");
  const { kind, word } = look(open.name);
  const service = state(open.name);
  fill(box, shape(kind), h("b", {}, word), [
    service?.uptime_s !== null && service?.uptime_s !== undefined ? `up ${span(service.uptime_s + (Date.now() / 1000 - last("status").at))}` : "",
    service?.restarts ? `restarted ${service.restarts} ${service.restarts === 1 ? "time" : "times"}` : "",
    service?.source ? `from ${service.source}` : "",
  ].filter(Boolean).map((words) => ` · ${words}`).join(""));
}

// Whether something is being typed or read there that drawing it anew would take away; or the button to which the
// keyboard comes back from a question.
const begun = () => byId("ask").open || Boolean(byId("panel").querySelector("input:focus, .differs, details[open]"))
  || [...byId("panel").querySelectorAll("input")].some((input) => input.value !== input.defaultValue);

// What an action would change is past once one was done.
on(["job"], (job) => { if (job && job.state !== "running") byId("panel").querySelectorAll(".differs").forEach((one) => one.remove()); });
let soon = 0;
on(["status", "job"], () => {
  now();
  // What is shown of a service follows it, but is not asked for at each step of a start.
  clearTimeout(soon);
  soon = setTimeout(() => { if (open && open.part !== "log" && !begun()) load(); }, 700);
});
on(["samples"], () => measure());
// A log ends with its containers; those that come have one of their own.
on(["happened"], (all) => {
  const { service, action } = all?.at(-1) ?? {};
  if (open?.log && service === open.name && action === "start") open.log.read();
});
on(["engine"], (engine) => { if (engine.answers && open?.log?.lost()) open.log.read(); });

const section = (title, ...children) => (children.flat(Infinity).some(Boolean) ? h("section", {}, h("h3", {}, title), ...children) : null);
const rows = (list) => h("dl", {}, list.filter(([, value]) => value).map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));

function about(known) {
  const off = last("server")?.read_only;
  return [
    h("p", { class: "about" }, known.about),
    h("div", { class: "actions" },
      known.containers?.length
        ? h("button", { type: "button", onclick: () => act({ do: "restart", service: known.name }) }, "Restart …")
        : h("button", { type: "button", class: "primary", onclick: () => act({ do: "up", services: [known.name] }) }, "Start …")),
    (known.service.problems ?? []).map(problem), why(known), addresses(known), used(), health(known), sources(known), scale(known, off), data(known), edges(known), routes(known),
    files(known),
  ];
}

function why({ name, plan, why: said }) {
  if (said.causes?.length) {
    const idle = ["idle", "wait"].includes(look(name).kind);
    return section(idle ? "Why it does not run" : "What is wrong", said.causes.map((one) => problem({ message: one.seen, fix: one.fix })));
  }
  const because = (said.because ?? []).filter((line) => !said.problems.some((one) => one.message === line));
  const lines = because.map((line) => h("p", { class: "line" }, line));
  const rest = lines.length > MOST_REASONS + 1 ? lines.splice(MOST_REASONS) : [];
  return section(plan ? "Why it is here" : "Why it is not here", said.problems.map(problem), lines,
    rest.length ? h("details", {}, h("summary", {}, `and ${rest.length} more that need it`), rest) : null);
}

function addresses({ link, plan }) {
  if (!link && !plan?.url) return null;
  return section("Addresses", rows([
    [link?.direct ? "by the gateway" : "here", link && web(link.url)],
    ["directly", link?.direct && web(link.direct)],
    ["for other services", plan?.url && h("code", {}, plan.url)],
    ["user", link?.user && h("code", {}, link.user)],
    ["password", link?.password && [h("span", {}, "shown by "), code(`./inv env.get ${link.password} --reveal`)]],
  ]));
}

function used() {
  return section("Memory and processor, the last ten minutes",
    h("div", { class: "charts" },
      h("figure", { class: "chart memory" }, h("figcaption", {}), s("svg", { viewBox: "0 0 240 44", preserveAspectRatio: "none", "aria-hidden": "true" })),
      h("figure", { class: "chart processor" }, h("figcaption", {}), s("svg", { viewBox: "0 0 240 44", preserveAspectRatio: "none", "aria-hidden": "true" }))));
}

function measure() {
  if (!open || !byId("panel").querySelector(".charts")) return;
  const all = measured(open.name);
  const limit = planned(open.name)?.memory_bytes;
  const put = (kind, values, words) => {
    const figure = byId("panel").querySelector(`.${kind}`);
    figure.querySelector("figcaption").textContent = words;
    const path = sparkline(values, 240, 44);
    fill(figure.querySelector("svg"), path ? s("path", { d: path }) : null);
  };
  const [memory, processor] = all.at(-1) ?? [null, null];
  put("memory", all.map((row) => row[0]), memory === null ? "memory: not measured" : `${size(memory)}${limit ? ` of ${size(limit)}` : ""}`);
  put("processor", all.map((row) => row[1]), processor === null ? "processor: not measured" : `${percent(processor)} of one processor`);
}

function health({ containers }) {
  if (containers === null) return section("Health checks", h("p", {}, "No engine answers."));
  const answered = containers.filter((one) => one.answers.length || one.error);
  return section("Health checks", answered.map((one) => [
    containers.length > 1 ? h("h4", {}, one.name) : null,
    one.error ? problem({ message: one.error }) : null,
    h("ul", { class: "answers" }, one.answers.toReversed().map((answer) =>
      h("li", {}, shape(answer.exit_code ? "bad" : "ok"), h("time", {}, clock(new Date(answer.at))),
        h("span", {}, answer.exit_code ? `failed (${answer.exit_code})` : "passed", answer.said ? h("small", {}, ` ${answer.said}`) : null)))),
  ]));
}

function sources(known) {
  const current = known.service.source;
  if (known.sources.length < 3 && known.name !== known.fragment) return null;
  return section("Where it comes from", known.sources.map((source) => {
    const box = h("div", { class: "source-row" },
      h("b", {}, source),
      source === current ? h("span", { class: "quiet" }, "now") : h("button", { type: "button", class: "small", onclick: (event) => differ(event.target, box, known.fragment, source) }, "What would change?"),
      source === current ? null : h("button", { type: "button", class: "small", onclick: () => act({ do: "source", service: known.fragment, to: source }) }, "Switch …"));
    return box;
  }));
}

async function differ(button, box, service, to) {
  button.disabled = true;
  button.textContent = "Looking …";
  let said;
  try {
    const preview = await ask("/api/preview", { do: "source", service, to });
    const words = (preview.changes ?? []).filter((one) => !["unchanged", "beyond"].includes(one.action))
      .map((one) => h("li", {}, h("b", {}, one.name), ` ${changed(one.action)}`, one.keys.length ? h("small", {}, ` · ${one.keys.join(", ")}`) : null));
    said = [words.length ? h("ul", { class: "changes" }, words) : preview.possible ? h("p", { class: "quiet" }, "Nothing would change.") : null,
      preview.problems.map(problem)];
  } catch (error) {
    said = refused(error);
  }
  button.remove();
  box.append(h("div", { class: "differs" }, said));
}

function scale({ name, scale: { setting, can }, plan }, off) {
  if (!can || !plan) return null;
  const input = h("input", { type: "number", min: 1, max: 100, value: String(plan.containers), "aria-label": `Containers of ${name}` });
  return section("How many run", h("form", { class: "inline", onsubmit: (event) => {
    event.preventDefault();
    act({ do: "scale", service: name, number: Number(input.value) });
  } }, input, h("button", { type: "submit", class: "small", disabled: off }, "Change …"), h("small", {}, setting)));
}

function data({ volumes, backup }) {
  if (!volumes.length) return null;
  const box = h("div", {}, rows(volumes.map(({ name, volume }) => [name, [h("code", {}, volume), h("span", { class: "quiet", "data-volume": volume }, "")]])),
    h("p", { class: "line" }, backup ? [`last backup ${backup.name}, ${size(backup.bytes)} of this service`] : ["no backup yet: ", code("./inv backup")]));
  get("/api/sizes").then((sizes) => {
    for (const place of box.querySelectorAll("[data-volume]")) place.textContent = sizes[place.dataset.volume] ? ` ${sizes[place.dataset.volume]}` : " not made yet";
  }).catch(() => {});
  return section("Data", box);
}

function edges({ service, name }) {
  const link = (other) => h("a", { href: `#/service/${other}` }, other);
  const list = (names) => names.flatMap((other, at) => [at ? ", " : "", link(other)]);
  const needs = Object.keys(planned(name)?.depends_on ?? service.needs ?? {});
  const plan = last("plan");
  const needed = (plan?.services ?? []).filter((one) => name in one.depends_on).map((one) => one.name);
  return section("Who waits for whom", rows([
    ["waits for", needs.length ? list(needs) : "nothing"], ["waited for by", needed.length ? list(needed) : "nobody that is planned"],
  ]));
}

function routes({ service }) {
  if (!service.routes?.length) return null;
  return section("Routes of the gateway", h("ul", { class: "plain" }, service.routes.map((route) =>
    h("li", {}, h("code", {}, route.url || route.name), h("small", {}, ` ${route.auth.join(", ") || "open to all who reach it"}`)))));
}

function files({ service }) {
  return section("Its files", h("ul", { class: "plain" }, service.files.map((file) => h("li", {}, h("code", {}, file)))));
}

// ---- settings ----

function settings(known) {
  const off = last("server")?.read_only;
  const row = ({ name, value, origin }) => {
    const input = h("input", { type: "text", value, name, id: `set-${name}`, autocomplete: "off", spellcheck: "false", disabled: off });
    return h("form", { class: "setting", onsubmit: (event) => {
      event.preventDefault();
      act(input.value === "" ? { do: "set", name } : { do: "set", name, value: input.value });
    } }, h("label", { for: `set-${name}` }, name, h("small", {}, origin === "default" ? "its default" : `from ${origin}`)), input,
    h("button", { type: "submit", class: "small", disabled: off }, "Set …"),
    origin === ".env" ? h("button", { type: "button", class: "small", disabled: off, onclick: () => act({ do: "set", name }) }, "Unset …") : null);
  };
  const ports = Object.entries(known.service.ports).map(([name, value]) => row({ name, value: String(value), origin: known.origins[name] ?? "default" }));
  return [
    section("Settings", known.service.settings.map(row)),
    section("Ports", ports),
    section("Secrets", h("p", { class: "quiet" }, "They are not shown here. In a terminal:"),
      known.service.secrets.length ? h("ul", { class: "plain" }, known.service.secrets.map((name) => h("li", {}, code(`./inv env.get ${name} --reveal`)))) : h("p", {}, "It has none.")),
  ];
}
