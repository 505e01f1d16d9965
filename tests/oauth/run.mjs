// The same clients against the reference and against the gateway: what fails at the gateway alone is the gateway's.

import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { promisify } from "node:util";
import * as gatewaySide from "./gateway.mjs";
import * as reference from "./reference.mjs";
import { run } from "./client.mjs";

const [bin, python, port] = process.argv.slice(2);

const known = await reference.start();
const toReference = {
  issuer: known.issuer,
  clientId: reference.CLIENT,
  scope: "openid offline_access",
  more: { prompt: "consent" },
  resource: `${known.issuer}/me`,
  decide: reference.decide,
  decideDevice: (code) => reference.decideDevice(known.issuer, code),
  slowsDown: false,
};
console.log("oauth4webapi against the reference");
await run({ ...toReference, algorithm: "oidc", redirectUri: reference.REDIRECT });
console.log("authlib against the reference");
await authlib({ ...toReference, metadata: "openid-configuration", redirectUri: reference.REDIRECT });
known.stop();

const gateway = await gatewaySide.start(bin, port);
try {
  const { decide, decideDevice } = gatewaySide.person(gateway);
  const toGateway = {
    issuer: gateway.issuer,
    clientId: gateway.clientId,
    scope: "inference",
    more: { resource: `${gateway.issuer}/v1` },
    resource: `${gateway.issuer}/v1/credits/balance`,
    decide,
    decideDevice,
    slowsDown: true,
  };
  console.log("oauth4webapi against the gateway");
  await run({ ...toGateway, algorithm: "oauth2", redirectUri: "http://127.0.0.1:51004/back" });
  console.log("authlib against the gateway");
  await authlib({ ...toGateway, metadata: "oauth-authorization-server", redirectUri: "http://127.0.0.1:52001/back" });
  console.log("the key exchange of other gateways");
  await keyExchange(gateway, decide);
  console.log("an app on the person's machine");
  const key = await handOver(gateway, decide);
  const text = gateway.log();
  if (text.includes(key)) throw new Error("the key of a redirect is in the log");
  for (const secret of ["oc_sk_", "oc_rt_", "oc_code_", "oc_dc_", gateway.session]) {
    const found = text.split("\n").filter((line) => line.includes(secret) && !line.trim().startsWith("oc_sk_"));
    const lines = found.filter((line) => line.startsWith("{") || /\b(INFO|WARN|ERROR)\b/.test(line));
    if (lines.length > 0) throw new Error(`a secret is in the log: ${lines[0]}`);
  }
  console.log("  no secret is in the log");
} finally {
  gateway.stop();
}

// How a person decides is this program's to know: the other one asks here.
async function deciding({ decide, decideDevice }) {
  const server = createServer(async (request, response) => {
    try {
      let body = "";
      for await (const part of request) body += part;
      const { url, user_code } = JSON.parse(body);
      response.end(url ? String(await decide(new URL(url))) : String(await decideDevice(user_code)));
    } catch (error) {
      response.writeHead(500).end(String(error));
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

async function authlib({ issuer, clientId, scope, more, resource, metadata, redirectUri, decide, decideDevice }) {
  const person = await deciding({ decide, decideDevice });
  const asks = `http://127.0.0.1:${person.address().port}`;
  const settings = { issuer, client_id: clientId, scope, more, resource, metadata, redirect_uri: redirectUri, person: asks };
  try {
    const { stdout } = await promisify(execFile)(python, [new URL("client.py", import.meta.url).pathname, JSON.stringify(settings)]);
    process.stdout.write(stdout);
  } finally {
    person.close();
  }
}

async function keyExchange(gateway, decide) {
  const verifier = randomBytes(32).toString("base64url");
  const url = new URL(`${gateway.issuer}/auth`);
  url.searchParams.set("callback_url", "http://localhost:3000/callback");
  url.searchParams.set("code_challenge", createHash("sha256").update(verifier).digest("base64url"));
  url.searchParams.set("code_challenge_method", "S256");
  const code = new URL(await decide(url)).searchParams.get("code");
  const body = JSON.stringify({ code, code_verifier: verifier, code_challenge_method: "S256" });
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`${gateway.issuer}/api/v1/auth/keys`, { method: "POST", headers, body });
  const { key } = await answer.json();
  const used = await fetch(`${gateway.issuer}/v1/credits/balance`, { headers: { authorization: `Bearer ${key}` } });
  if (used.status !== 200) throw new Error(`the key does not work: ${used.status}`);
  console.log("  a callback gets a key that works");
}

// The one way in which a key stands in an address. Nobody listens there: the browser that goes to it is the person's.
async function handOver(gateway, decide) {
  const url = new URL(`${gateway.issuer}/connect`);
  url.searchParams.set("publishable_key", gateway.clientId);
  url.searchParams.set("redirect_url", gatewaySide.REDIRECT.replace("127.0.0.1", "127.0.0.1:51005"));
  url.searchParams.set("state", "a");
  const back = new URL(await decide(url));
  const key = back.searchParams.get("key");
  const used = await fetch(`${gateway.issuer}/v1/credits/balance`, { headers: { authorization: `Bearer ${key}` } });
  if (used.status !== 200 || back.searchParams.get("state") !== "a") throw new Error(`the key does not work: ${used.status}`);
  console.log("  a redirect has a key that works");
  return key;
}
