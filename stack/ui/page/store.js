// What the server told last, by kind, and who wants to know. One stream of events for the whole page; a page that nobody
// sees lets go of it, as a browser has six connections to a server and no more.

const told = {};
const wanting = new Map();
const HIDDEN_MS = 30_000;
const SILENT_MS = 3_000;
const SAMPLES = 120;
const HAPPENED = 300;

export const last = (kind) => told[kind];

export function on(kinds, call) {
  for (const kind of kinds) wanting.set(kind, [...(wanting.get(kind) ?? []), call]);
}

export function tell(kind, data) {
  told[kind] = data;
  for (const call of wanting.get(kind) ?? []) call(data);
}

const KEPT = ["server", "plan", "status", "samples", "engine", "busy", "job", "happened", "timeline"];
const NEWS = {
  sample: (data) => tell("samples", [...(told.samples ?? []), data].slice(-SAMPLES)),
  event: (data) => tell("happened", [...(told.happened ?? []), data].slice(-HAPPENED)),
  line: ({ number, lines }) => {
    const job = told.job;
    if (job?.number === number) tell("job", { ...job, lines: [...job.lines, ...lines] });
  },
};

let stream = null;
let hidden = 0;
let silent = 0;

export function listen() {
  if (stream) return;
  stream = new EventSource("/api/stream");
  stream.addEventListener("open", () => {
    clearTimeout(silent);
    silent = 0;
    tell("server-answers", true);
  });
  // It comes back by itself; only what lasts is told.
  stream.addEventListener("error", () => {
    silent ||= setTimeout(() => { tell("server-answers", false); if (stream?.readyState === 2) { stream = null; silent = 0; listen(); } }, SILENT_MS);
  });
  for (const kind of KEPT) stream.addEventListener(kind, (event) => tell(kind, JSON.parse(event.data)));
  for (const [kind, take] of Object.entries(NEWS)) {
    stream.addEventListener(kind, (event) => take(JSON.parse(event.data)));
  }
}

document.addEventListener("visibilitychange", () => {
  clearTimeout(hidden);
  if (document.visibilityState === "visible") listen();
  else hidden = setTimeout(() => { stream?.close(); stream = null; }, HIDDEN_MS);
});

// The state of a service, and its last measurements.
export const state = (name) => told.status?.services.find((one) => one.name === name);
export const planned = (name) => told.plan?.services.find((one) => one.name === name);
export const measured = (name) => (told.samples ?? []).map((sample) => sample.services[name] ?? [null, null]);

// What the action under way said last of a service, as `./inv up` prints it: 0:07 redis: healthy in 3.2 s
export function progress() {
  const job = told.job;
  const found = new Map();
  if (job?.state !== "running") return found;
  for (const line of job.lines) {
    const [, name, words] = /^\d+:\d\d ([a-z0-9-]+): (.*)$/.exec(line) ?? [];
    if (name) found.set(name, words);
  }
  return found;
}
