// Makes n8n's owner, once: until there is one, the first visitor would become it.
const base = process.env.N8N_URL;

async function call(path, options) {
  return fetch(base + path, { ...options, signal: AbortSignal.timeout(10000) });
}

async function main() {
  const settings = await (await call("/rest/settings")).json();
  if (!settings.data.userManagement.showSetupOnFirstLoad) {
    console.log("n8n-init: there is an owner");
    return;
  }
  const answer = await call("/rest/owner/setup", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      email: process.env.N8N_OWNER_EMAIL,
      firstName: "Stack",
      lastName: "Owner",
      password: process.env.N8N_OWNER_PASSWORD,
    }),
  });
  if (!answer.ok) throw new Error(`n8n refuses the owner: ${answer.status} ${await answer.text()}`);
  console.log("n8n-init: the owner is made");
}

main().catch((error) => {
  console.error(`n8n-init: ${error.message}`);
  process.exit(1);
});
