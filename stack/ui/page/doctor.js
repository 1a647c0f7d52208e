// What is wrong, what that causes, and what to type; what can be mended without losing data has a button.

import { fill, h } from "./dom.js";
import { get } from "./api.js";
import { act, refused, remedy } from "./act.js";
import { last, on } from "./store.js";
import { shape } from "./words.js";

const KINDS = { error: "bad", warning: "warn", ok: "ok", skipped: "wait" };
const WORDS = { error: "error", warning: "warning", ok: "fine", skipped: "could not look" };
let place = null;
let mending = false;

export async function doctor(main) {
  place = main;
  fill(main, h("div", { class: "page" }, h("h2", {}, "Doctor"), h("p", { class: "empty", role: "status" }, "Looking at machine, engine, settings and services. This takes a few seconds …")));
  let found;
  try {
    found = await get("/api/doctor");
  } catch (error) {
    if (place === main) fill(main, h("div", { class: "page" }, h("h2", {}, "Doctor"), refused(error)));
    return;
  }
  if (place !== main || !location.hash.startsWith("#/doctor")) return;
  const wrong = found.checks.filter((row) => ["error", "warning"].includes(row.grade));
  const rest = found.checks.filter((row) => !["error", "warning"].includes(row.grade));
  const mends = wrong.some((row) => found.mends.includes(row.id));
  const errors = wrong.filter((row) => row.grade === "error").length;
  fill(main, h("div", { class: "page" },
    h("div", { class: "page-head" }, h("h2", {}, "Doctor"),
      h("button", { type: "button", onclick: () => doctor(main) }, "Look again"),
      mends ? h("button", { type: "button", class: "primary", onclick: () => mend([]) }, "Mend what can be …") : null),
    h("p", { class: "lead", role: "status" }, wrong.length
      ? `${errors} ${errors === 1 ? "error" : "errors"}, ${wrong.length - errors} ${wrong.length - errors === 1 ? "warning" : "warnings"}; ${found.checks.length} checks in all.`
      : `Nothing is wrong: ${found.checks.length} checks.`),
    h("ul", { class: "findings" }, wrong.map((row) => h("li", { class: row.grade },
      h("p", { class: "finding-head" }, shape(KINDS[row.grade]), h("b", {}, row.id), h("small", {}, `${WORDS[row.grade]} · ${row.section}`)),
      h("pre", { class: "seen" }, row.seen),
      row.causes ? h("p", {}, row.causes) : null,
      h("p", { class: "fix" }, row.fix ? remedy(row.fix) : null,
        found.mends.includes(row.id) ? h("button", { type: "button", class: "small", onclick: () => mend([row.id]) }, "Mend …") : null)))),
    h("details", {}, h("summary", {}, `${rest.length} checks that found nothing`),
      h("ul", { class: "fine" }, rest.map((row) => h("li", {}, shape(KINDS[row.grade]), h("b", {}, row.id), h("span", {}, row.seen),
        row.grade === "skipped" ? h("small", {}, WORDS.skipped) : null))))));
}

function mend(checks) {
  mending = true;
  act({ do: "mend", checks });
}

on(["job"], () => {
  if (mending && last("job")?.state !== "running" && location.hash.startsWith("#/doctor")) {
    mending = false;
    doctor(place);
  }
});
