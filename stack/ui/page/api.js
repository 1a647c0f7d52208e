// The server's answers; one with problems is an Error that has them.

export class Refusal extends Error {
  constructor(problems) {
    super(problems.map((one) => one.message).join("\n"));
    this.problems = problems;
  }
}

async function answer(response) {
  const text = await response.text();
  let data;
  try {
    data = JSON.parse(text);
  } catch {
    throw new Refusal([{ message: text.trim() || `the server answered ${response.status}`, fix: "" }]);
  }
  if (!response.ok) throw new Refusal(data.problems ?? [{ message: text, fix: "" }]);
  return data;
}

const PAUSES_MS = [100, 500, 1500];

// A browser drops its connections, those to this machine too, whenever a container's network comes or goes: what only
// looks is asked for again.
async function ask(path, options, pauses = PAUSES_MS) {
  try {
    return await answer(await fetch(path, { credentials: "same-origin", ...options }));
  } catch (error) {
    if (error instanceof Refusal) throw error;
    if (!pauses.length) throw new Refusal([{ message: "the server of this page does not answer", fix: "./inv ui" }]);
    await new Promise((done) => setTimeout(done, pauses[0]));
    return ask(path, options, pauses.slice(1));
  }
}

const sent = (data) => ({ method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(data) });

export const get = (path) => ask(path);
export const look = (path, data) => ask(path, sent(data));
export const post = (path, data) => ask(path, sent(data), []);
