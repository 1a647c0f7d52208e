// A new service, by the flags of `add-service`; or out of a Compose file, which is dropped or named.

import { byId, fill, h } from "./dom.js";
import { post } from "./api.js";
import { act, refused } from "./act.js";
import { last, on } from "./store.js";

// The flag, what it is, an example; "many": one a line.
const GROUPS = [
  ["What runs", [
    ["image", "Image", "example/notes:1.4"],
    ["build", "or a folder with a Dockerfile", "services/notes"],
    ["command", "Command, where not the image's own", "serve --verbose"],
    ["port", "Ports of the container", "8080", "many"],
  ]],
  ["How it is reached", [
    ["route", "Paths at the gateway", "/notes", "many"],
    ["host", "Names at the gateway", "notes", "many"],
    ["auth", "Who is let in there", ["", "none", "key", "basic"]],
    ["health", "Health check", "http:/health, cmd:COMMAND or tcp"],
  ]],
  ["What it needs", [
    ["depends_on", "Waits for", "redis, supabase-db:healthy, or neo4j? to do without", "many"],
    ["env", "Environment", "LOG_LEVEL=info", "many"],
    ["secret", "Secrets, made by its first start", "NOTES_KEY or NOTES_KEY:hex", "many"],
    ["volume", "Volumes", "data:/data or ./folder:/path", "many"],
  ]],
];
const MORE = [
  ["profile", "Profiles", "app", "many"],
  ["replicas", "Containers", "1"],
  ["memory", "Memory at most", "512m"],
  ["source", "Where else it may come from", "localhost, external or container-gpu", "many"],
  ["alias", "Further names in the network", "notes-api", "many"],
];
const COMPOSE = [
  ["map", "Ours in place of theirs", "THEIRS=OURS, as redis=redis", "many"],
  ["env_file", "In place of the .env beside it", "path/to/.env"],
  ["rewrite_files", "Give the hosts in its files their new names", "", "box"],
];
const MOST_BYTES = 5_000_000;
const MOST_FILES = 500;
const LEFT_OUT = new Set([".git", "node_modules", ".venv", "__pycache__"]);

let form = null;

export function add(main) {
  const off = last("server")?.read_only;
  form = h("form", { class: "add", onsubmit: (event) => { event.preventDefault(); act({ do: "add", name: form.elements.name.value.trim(), words: words() }); } },
    h("label", { class: "field" }, h("b", {}, "Name"), h("input", { type: "text", name: "name", required: true, pattern: "[a-z][a-z0-9\\-]{0,39}", placeholder: "notes", autocomplete: "off", spellcheck: "false", title: "small letters, digits and hyphens; a letter first" })),
    h("fieldset", {}, h("legend", {}, "From a Compose file"),
      off ? null : h("label", { class: "drop" }, h("b", {}, "Drop it here"), h("span", {}, "a Compose file, or the folder that it is in"),
        h("input", { type: "file", multiple: true, "aria-label": "Choose a Compose file and what lies beside it", onchange: (event) => take([...event.target.files].map((file) => [file.webkitRelativePath || file.name, file])) })),
      h("p", { id: "drop-said", role: "status" }),
      field(["from_compose", "or where it is on this machine", "/home/me/app/docker-compose.yml:web"]),
      h("details", {}, h("summary", {}, "More for a Compose file"), h("div", { class: "fields" }, COMPOSE.map(field)))),
    GROUPS.map(([title, fields]) => h("fieldset", {}, h("legend", {}, title), h("div", { class: "fields" }, fields.map(field)))),
    h("details", {}, h("summary", {}, "More"), h("div", { class: "fields" }, MORE.map(field))),
    h("footer", {}, h("button", { type: "reset" }, "Clear"), h("button", { type: "submit", class: "primary" }, "See what that writes …")));
  fill(main, h("div", { class: "page" }, h("h2", {}, "New service"),
    h("p", { class: "lead" }, "From an image, a folder, or a Compose file of yours. A name alone makes a small one to start from. Nothing is written before you have seen it."),
    form));
}

function field([flag, label, example, kind]) {
  const words = h("b", {}, label);
  if (kind === "box") return h("label", { class: "choice" }, h("input", { type: "checkbox", name: flag }), label);
  if (Array.isArray(example)) {
    return h("label", { class: "field" }, words, h("select", { name: flag }, example.map((one) => h("option", { value: one }, one || "as usual"))));
  }
  const props = { name: flag, placeholder: example, autocomplete: "off", spellcheck: "false" };
  return h("label", { class: "field" }, words, kind === "many" ? h("small", {}, " one a line") : null,
    kind === "many" ? h("textarea", { rows: 1, ...props }) : h("input", { type: "text", ...props }));
}

// What is filled in, as the command's flags.
function words() {
  const found = {};
  for (const one of form.elements) {
    if (!one.name || one.name === "name") continue;
    if (one.type === "checkbox") { if (one.checked) found[one.name] = true; }
    else if (one.tagName === "TEXTAREA") { const lines = one.value.split("\n").map((line) => line.trim()).filter(Boolean); if (lines.length) found[one.name] = lines; }
    else if (one.value.trim()) found[one.name] = one.value.trim();
  }
  return found;
}

// ---- a Compose file ----

async function take(files) {
  const said = byId("drop-said");
  if (!files.length || !said) return;
  fill(said, "Reading …");
  try {
    if (files.length > MOST_FILES) throw new Error(`These are more than ${MOST_FILES} files. Say below where the Compose file is.`);
    if (files.reduce((sum, [, file]) => sum + file.size, 0) > MOST_BYTES) throw new Error("That is more than 5 MB. Say below where the Compose file is.");
    const read = await Promise.all(files.map(async ([path, file]) => [path, await base64(file)]));
    const { file, services } = await post("/api/dropped", { files: Object.fromEntries(read) });
    chosen(said, file, services);
  } catch (error) {
    fill(said, error.problems ? refused(error) : error.message);
  }
}

// The service to take is asked where there are several; its name is ours, unless one is there.
function chosen(said, file, services) {
  const set = (service) => {
    form.elements.from_compose.value = service ? `${file}:${service}` : file;
    if (!form.elements.name.value || services.includes(form.elements.name.value)) form.elements.name.value = service;
  };
  const name = file.split("/").slice(3).join("/");
  fill(said, services.length > 1
    ? h("label", { class: "field" }, h("b", {}, `${name}: take`), h("select", { onchange: (event) => set(event.target.value) }, services.map((one) => h("option", { value: one }, one))), h("small", {}, "What it waits for comes along."))
    : `${name} is read.`);
  set(services[0] ?? "");
}

const base64 = (file) => new Promise((done, failed) => {
  const reader = new FileReader();
  reader.onload = () => done(reader.result.slice(reader.result.indexOf(",") + 1));
  reader.onerror = () => failed(new Error(`${file.name} can't be read.`));
  reader.readAsDataURL(file);
});

// What a folder holds, without what no service needs.
async function entries(entry, found) {
  if (found.length > MOST_FILES || LEFT_OUT.has(entry.name)) return;
  if (entry.isFile) {
    found.push([entry.fullPath.slice(1), await new Promise((done, failed) => entry.file(done, failed))]);
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const some = await new Promise((done, failed) => reader.readEntries(done, failed));
    if (!some.length) return;
    for (const one of some) await entries(one, found);
  }
}

// A file may be dropped on any view.
const carries = (event) => event.dataTransfer?.types.includes("Files") && !last("server")?.read_only;
addEventListener("dragover", (event) => { if (carries(event)) { event.preventDefault(); document.body.classList.add("dropping"); } });
addEventListener("dragleave", (event) => { if (!event.relatedTarget) document.body.classList.remove("dropping"); });
addEventListener("drop", async (event) => {
  if (!carries(event)) return;
  event.preventDefault();
  document.body.classList.remove("dropping");
  const dropped = [...event.dataTransfer.items].map((one) => one.webkitGetAsEntry?.()).filter(Boolean);
  const plain = [...event.dataTransfer.files].map((file) => [file.name, file]);
  if (!location.hash.startsWith("#/add")) {
    location.hash = "#/add";
    await new Promise((done) => addEventListener("hashchange", done, { once: true }));
  }
  const found = [];
  for (const entry of dropped) await entries(entry, found);
  take(found.length ? found : plain);
});

on(["job"], (job) => { if (job?.state === "done" && job.then && form?.isConnected) form.reset(); });
