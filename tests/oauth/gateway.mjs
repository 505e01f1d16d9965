// A gateway in dev mode with an app of a partner and a person who is signed in.

import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const REDIRECT = "http://127.0.0.1/back";
const START_MS = 60000;

async function until(what, found) {
  const end = Date.now() + START_MS;
  while (Date.now() < end) {
    const value = await found();
    if (value) return value;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`not there in time: ${what}`);
}

// bin is the folder with the programs.
export async function start(bin, port) {
  const folder = mkdtempSync(join(tmpdir(), "opencredits-oauth-"));
  const [data, log] = [join(folder, "data"), join(folder, "log")];
  const out = openSync(log, "w");
  const issuer = `http://localhost:${port}`;
  const env = {
    ...process.env,
    OPENCREDITS_SERVER_LISTEN: `127.0.0.1:${port}`,
    OPENCREDITS_SERVER_PUBLIC_URL: issuer,
    OPENCREDITS_CONNECTIONS_UNREGISTERED_APPS: "true",
  };
  const running = spawn(join(bin, "opencredits-gateway"), ["dev", "--data", data], { env, stdio: ["ignore", out, out] });
  const stop = () => {
    running.kill("SIGTERM");
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await until("the gateway", () => fetch(`${issuer}/readyz`).then((answer) => answer.ok, () => false));
    const clientId = register(join(bin, "opencredits-admin"), data);
    const session = await signIn(issuer, () => readFileSync(log, "utf8"));
    return { issuer, clientId, session, stop, log: () => readFileSync(log, "utf8") };
  } catch (error) {
    console.error(readFileSync(log, "utf8").slice(-4000));
    stop();
    throw error;
  }
}

function register(admin, data) {
  const run = (...args) => execFileSync(admin, ["--data", data, ...args], { encoding: "utf8" });
  run("partner", "add", "Quick Notes");
  const added = run("partner", "publishable", "add", "Quick Notes", "--redirect", REDIRECT);
  return added.match(/oc_pk_[0-9A-Za-z]+/)[0];
}

async function signIn(issuer, read) {
  const email = "ada@example.org";
  const post = async (path, body) => {
    const headers = { "content-type": "application/json" };
    const answer = await fetch(`${issuer}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    return { status: answer.status, body: await answer.json() };
  };
  const { body: begun } = await post("/v1/auth/code", { email });
  const code = await until("the mail", () => read().match(/\b(\d{3}) ?(\d{3})\b[^]*$/m) && lastCode(read()));
  const proof = { challenge: begun.challenge, code };
  const asked = await post("/v1/auth/session", proof);
  const terms = asked.body.error?.metadata?.terms_version ?? "1";
  const entered = await post("/v1/auth/session", { ...proof, accept: { terms, age_16: true } });
  if (entered.status !== 201) throw new Error(`cannot sign in: ${JSON.stringify(entered.body)}`);
  return entered.body.session_token;
}

function lastCode(text) {
  const mail = text.slice(text.lastIndexOf("To: ada@example.org"));
  const found = mail.match(/\b\d{3} ?\d{3}\b/);
  return found && found[0].replace(" ", "");
}

// What a person's browser sends from the consent page.
export function person(gateway) {
  const post = async (path, body) => {
    const headers = { "content-type": "application/json", authorization: `Bearer ${gateway.session}` };
    const answer = await fetch(`${gateway.issuer}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    const told = await answer.json();
    if (!answer.ok) throw new Error(`${path}: ${JSON.stringify(told)}`);
    return told;
  };
  return {
    decide: async (url) => {
      const page = await fetch(url);
      if (page.status !== 200) throw new Error(`the consent page answered ${page.status}`);
      const body = { query: url.search.slice(1), decision: "allow", cap_usd: "2" };
      return (await post(url.pathname, body)).redirect_to;
    },
    decideDevice: (code) => post("/device", { user_code: code, decision: "allow", cap_usd: "2" }),
  };
}
