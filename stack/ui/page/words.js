// How states, sizes and times are said. A state has a kind (its colour), a shape and a word: never a colour alone.

import { s } from "./dom.js";

export const size = (bytes) => {
  if (bytes === null || bytes === undefined) return "";
  if (bytes >= 2 ** 30) return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  return `${Math.round(bytes / 2 ** 20)} MiB`;
};

export const percent = (share) => {
  if (share === null || share === undefined) return "";
  return share < 0.0995 ? `${(share * 100).toFixed(1)} %` : `${Math.round(share * 100)} %`;
};

export const clock = (date) => date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });

export const day = (date) => date.toLocaleDateString([], { weekday: "short", day: "numeric", month: "short" });

export function span(seconds) {
  if (seconds === null || seconds === undefined) return "";
  const parts = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  const at = parts.findIndex(([, unit]) => seconds >= unit);
  if (at < 0) return "0 s";
  const [name, unit] = parts[at];
  const rest = parts[at + 1];
  const whole = `${Math.floor(seconds / unit)} ${name}`;
  const more = rest && at < 2 ? Math.floor((seconds % unit) / rest[1]) : 0;
  return more ? `${whole} ${more} ${rest[0]}` : whole;
}

// A service as `./inv status` has it: what kind of state that is, and the word for it.
export function condition(service) {
  const { state, health } = service ?? { state: "absent" };
  if (state === "done") return { kind: "done", word: "done" };
  if (state.startsWith("exited") || state === "dead") return { kind: "bad", word: state };
  if (state === "restarting") return { kind: "bad", word: "keeps restarting" };
  if (state === "paused") return { kind: "idle", word: "paused" };
  if (state === "created") return { kind: "wait", word: "made, not started" };
  if (state.startsWith("running")) {
    const number = state.slice("running".length).trim();
    const word = health ?? "running";
    const kind = { healthy: "ok", unhealthy: "bad", starting: "busy" }[health] ?? "ok";
    return { kind, word: number ? `${word} ${number}` : word };
  }
  return { kind: "idle", word: state === "absent" ? "not running" : state };
}

const SHAPES = {
  ok: [["circle", { cx: 6, cy: 6, r: 4.5, class: "full" }]],
  done: [["path", { d: "M1.8 6.4 4.8 9.3 10.4 2.8", class: "line" }]],
  busy: [["circle", { cx: 6, cy: 6, r: 4.2, class: "line" }], ["path", { d: "M6 1.8a4.2 4.2 0 0 1 0 8.4z", class: "full" }]],
  wait: [["circle", { cx: 6, cy: 6, r: 4.2, class: "line dashed" }]],
  bad: [["path", { d: "M6 .8 11.6 11H.4z", class: "full" }]],
  warn: [["path", { d: "M6 1.4 10.9 10.4H1.1z", class: "line" }]],
  idle: [["circle", { cx: 6, cy: 6, r: 4.2, class: "line" }]],
};

export const shape = (kind) =>
  s("svg", { class: `shape ${kind}`, viewBox: "0 0 12 12", "aria-hidden": "true" },
    (SHAPES[kind] ?? SHAPES.idle).map(([tag, props]) => s(tag, props)));

// Whether what waits over an edge may start: the condition is Compose's own.
export function satisfied(service, need) {
  if (!service) return false;
  if (need === "service_completed_successfully") return service.state === "done";
  if (need === "service_healthy") return service.state.startsWith("running") && service.health === "healthy";
  return service.state.startsWith("running") || service.state === "done";
}
