// Runs what n8n's code nodes say, apart from n8n. Each worker hands its tasks out at a broker of its own, and a runner
// knows one broker alone: so there is one runner for each address of HOST, and this container serves every worker.
//
//   node serve.js HOST launcher|javascript
//
// `launcher` is the program of the image n8nio/runners, which starts JavaScript's and Python's runner when there is
// work; `javascript` the runner of the npm package, which has no launcher and no Python.
const { spawn } = require("node:child_process");
const { Resolver } = require("node:dns").promises;
const fs = require("node:fs");
const http = require("node:http");

const [host, kind] = process.argv.slice(2);
const BROKER_PORT = 5679;
const LOOK_MS = 3000;
const HEALTH_PORT = 5680;
const CONFIG = "/etc/n8n-task-runners.json";
const RUNNER = "/opt/n8n/node_modules/@n8n/task-runner/dist/start.js";
// All that a runner gets to see: not the token that is good for any number of runners.
const SEEN = ["PATH", "TZ", "GENERIC_TIMEZONE", "NODE_OPTIONS", "N8N_RUNNERS_TASK_TIMEOUT", "N8N_RUNNERS_MAX_CONCURRENCY"];

const runners = new Map(); // by address: {slot, child, gone}
let ending = false;

function launcher(broker, slot) {
  // Each has ports of its own for its checks.
  const config = JSON.parse(fs.readFileSync(CONFIG, "utf8"));
  for (const runner of config["task-runners"]) {
    runner["health-check-server-port"] = String(Number(runner["health-check-server-port"] ?? 5681) + 10 * (slot + 1));
  }
  const path = `/tmp/runners-${slot}.json`;
  fs.writeFileSync(path, JSON.stringify(config));
  const types = config["task-runners"].map((runner) => runner["runner-type"]);
  const env = {
    ...process.env,
    N8N_RUNNERS_TASK_BROKER_URI: broker,
    N8N_RUNNERS_CONFIG_PATH: path,
    N8N_RUNNERS_LAUNCHER_HEALTH_CHECK_PORT: String(HEALTH_PORT + 10 * (slot + 1)),
  };
  return spawn("task-runner-launcher", types, { env, stdio: "inherit" });
}

async function javascript(broker) {
  const answer = await fetch(`${broker}/runners/auth`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ token: process.env.N8N_RUNNERS_AUTH_TOKEN }),
    signal: AbortSignal.timeout(10000),
  });
  if (!answer.ok) throw new Error(`${broker} refuses the token: ${answer.status}`);
  const env = {
    N8N_RUNNERS_TASK_BROKER_URI: broker,
    N8N_RUNNERS_GRANT_TOKEN: (await answer.json()).data.token,
    // What the image n8nio/runners allows.
    NODE_FUNCTION_ALLOW_BUILTIN: "crypto",
    NODE_FUNCTION_ALLOW_EXTERNAL: "moment",
  };
  for (const name of SEEN) if (process.env[name] !== undefined) env[name] = process.env[name];
  const flags = ["--disallow-code-generation-from-strings", "--disable-proto=delete"];
  return spawn(process.execPath, [...flags, RUNNER], { env, stdio: "inherit" });
}

// Keeps one runner at work until its address is gone.
async function keep(address, runner) {
  const broker = `http://${address}:${BROKER_PORT}`;
  while (!runner.gone && !ending) {
    try {
      const child = kind === "launcher" ? launcher(broker, runner.slot) : await javascript(broker);
      runner.child = child;
      const code = await new Promise((resolve, reject) => child.on("error", reject).on("exit", resolve));
      if (!runner.gone && !ending) console.log(`runners: the one for ${address} ended with ${code}; it starts again`);
    } catch (error) {
      if (!runner.gone && !ending) console.error(`runners: ${error.cause?.message ?? error.message}`);
    }
    runner.child = undefined;
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

async function addresses() {
  try {
    // A new one each time: a resolver that once met no server would go on with none.
    return await new Resolver({ timeout: 2000, tries: 2 }).resolve4(host);
  } catch (error) {
    // There is none of that name; of any other error nothing follows.
    return ["ENOTFOUND", "ENODATA"].includes(error.code) ? [] : [...runners.keys()];
  }
}

async function look() {
  const found = await addresses();
  for (const [address, runner] of runners) {
    if (found.includes(address)) continue;
    runner.gone = true;
    runner.child?.kill();
    runners.delete(address);
  }
  for (const address of found) {
    if (runners.has(address) || ending) continue;
    const taken = new Set([...runners.values()].map((runner) => runner.slot));
    let slot = 0;
    while (taken.has(slot)) slot += 1;
    const runner = { slot };
    runners.set(address, runner);
    keep(address, runner);
  }
}

function end() {
  ending = true;
  const children = [...runners.values()].map((runner) => runner.child).filter(Boolean);
  const exits = children.map((child) => new Promise((resolve) => child.on("exit", resolve)));
  for (const child of children) child.kill();
  Promise.all(exits).then(() => process.exit(0));
}

process.on("SIGTERM", end);
process.on("SIGINT", end);
http
  .createServer((request, response) => {
    const well = runners.size > 0 && [...runners.values()].every((runner) => runner.child);
    response.writeHead(well ? 200 : 503).end();
  })
  .listen(HEALTH_PORT, "127.0.0.1");
(async () => {
  while (!ending) {
    await look();
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
})();
