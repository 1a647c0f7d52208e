// Where each service is reached: by the gateway, directly, and who signs in.

import { fill, h } from "./dom.js";
import { code } from "./act.js";
import { look } from "./picture.js";
import { last, on } from "./store.js";
import { shape } from "./words.js";

let box = null;

export function addresses(main) {
  box = h("ul", { class: "addresses" });
  fill(main, h("div", { class: "page" }, h("h2", {}, "Addresses"),
    h("p", { class: "lead" }, "Where each service that is selected is reached from this machine, by the gateway where that leads to it."), elsewhere(), box));
  draw();
}

on(["plan"], () => draw());
on(["status"], () => states());

export const web = (url) => (/^https?:/.test(url) ? h("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, url) : h("code", {}, url));

const secret = (name) => h("span", { class: "secret" }, "password by ", code(`./inv env.get ${name} --reveal`));

// The ports are the engine's machine's.
function elsewhere() {
  const host = last("server")?.engine;
  return host ? h("p", { class: "lead" }, `The engine is on ${host}, and so are these ports. From here, first: `, code(`ssh -N -L PORT:127.0.0.1:PORT ${host}`)) : null;
}

function draw() {
  if (!box?.isConnected) return;
  const links = (last("plan")?.links ?? []).toSorted((one, other) => one.service.localeCompare(other.service));
  fill(box, links.length ? null : h("li", { class: "empty" }, "Nothing that is selected has an address."), links.map((one) => h("li", {},
    h("p", { class: "who" }, h("span", { class: "mark", "data-of": one.service }), h("a", { href: `#/service/${one.service}` }, one.service)),
    h("div", {}, h("p", {}, web(one.url)), one.direct ? h("p", { class: "quiet" }, "directly ", web(one.direct)) : null,
      one.user ? h("p", { class: "quiet" }, "user ", h("code", {}, one.user), one.password ? [", ", secret(one.password)] : null) : null))));
  states();
}

function states() {
  if (!box?.isConnected) return;
  for (const mark of box.querySelectorAll(".mark")) {
    const { kind, word } = look(mark.dataset.of);
    fill(mark, shape(kind), h("span", { class: "unseen" }, word));
    mark.title = word;
  }
}
