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

async function ask(path, options) {
  let response;
  try {
    response = await fetch(path, { credentials: "same-origin", ...options });
  } catch {
    throw new Refusal([{ message: "the server of this page does not answer", fix: "./inv ui" }]);
  }
  return answer(response);
}

export const get = (path) => ask(path);
export const post = (path, data) =>
  ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(data) });
