// What all scenarios share: the browser, the mailbox, the partner's site, and checks.

import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import { chromium } from "playwright-core";

/** What `cargo xtask browser` has started: addresses, keys, folders. */
export const plan = JSON.parse(readFileSync(process.env.BROWSER_PLAN, "utf8"));

/** The longest wait for anything on a page, in milliseconds. */
export const PATIENCE_MS = 15_000;
const POLL_MS = 50;
const NAMES = ["chromium", "chromium-browser"];
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"];
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css" };

const folders = (process.env.PATH ?? "").split(":");
const executablePath = NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find((file) => existsSync(file));

/**
 * Runs `body` with a browser of its own and no state. `blocksThirdParties` sets Chromium's preference that takes storage away
 * from frames of other sites.
 */
export async function withBrowser(body, { blocksThirdParties = false, ...options } = {}) {
  const profile = mkdtempSync(join(tmpdir(), "browser-"));
  // Said either way: what a browser does by default differs by distribution and version.
  const preferences = { profile: { cookie_controls_mode: blocksThirdParties ? 1 : 0, block_third_party_cookies: blocksThirdParties } };
  mkdirSync(join(profile, "Default"));
  writeFileSync(join(profile, "Default", "Preferences"), JSON.stringify(preferences));
  const context = await chromium.launchPersistentContext(profile, { executablePath, args: FLAGS, headless: true, ...options });
  context.setDefaultTimeout(PATIENCE_MS);
  const watched = watch(context);
  try {
    return await body(context, watched);
  } finally {
    await context.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}

/** The tab that a browser begins with. */
export const firstPage = async (context) => context.pages()[0] ?? (await context.newPage());

/** A page of a person who is signed in, once it is filled. */
export async function opened(context, person, path) {
  const page = await firstPage(context);
  await page.addInitScript((token) => localStorage.setItem("opencredits.session", token), person.token);
  await page.goto(plan.url + path, { waitUntil: "networkidle" });
  await page.locator("main h1").first().waitFor();
  return page;
}

/** The browser reports each status above 399 as an error. That somebody new is asked for the terms is none. */
function isExpected(message) {
  return message.text().includes("status of 403") && new URL(message.location().url).pathname === "/v1/auth/session";
}

/** Collects what no page of ours may do: errors on the console, exceptions, requests to other hosts. */
function watch(context) {
  const watched = { errors: [], requests: [] };
  const onPage = (page) => {
    page.on("console", (message) => {
      if (message.type() !== "error" || isExpected(message)) return;
      watched.errors.push(`${message.text()} (${message.location().url})`);
    });
    page.on("pageerror", (error) => watched.errors.push(String(error)));
  };
  context.pages().forEach(onPage);
  context.on("page", onPage);
  context.on("request", (request) => watched.requests.push(request.url()));
  return watched;
}

/** Waits until `probe` gives something; fails with `what` after a while. */
export async function until(what, probe, patienceMs = PATIENCE_MS) {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const found = await probe();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`${what}: not within ${patienceMs} ms`);
    await new Promise((done) => setTimeout(done, POLL_MS));
  }
}

export function check(is, what) {
  if (!is) throw new Error(what);
}

export function equal(found, expected, what) {
  const [a, b] = [JSON.stringify(found), JSON.stringify(expected)];
  if (a !== b) throw new Error(`${what}: ${a}, expected ${b}`);
}

let people = 0;

/** An address that nobody has had in this run. */
export function freshAddress(name = "person") {
  people += 1;
  return `${name}-${process.pid}-${people}@example.org`;
}

/** The mails to an address, oldest first. */
export function mails(address) {
  const names = existsSync(plan.mailFolder) ? readdirSync(plan.mailFolder).filter((name) => /^\d+\.json$/.test(name)) : [];
  const all = names.sort().map((name) => JSON.parse(readFileSync(join(plan.mailFolder, name), "utf8")));
  return all.filter((mail) => mail.to.includes(address));
}

/** The newest code mailed to an address, once there are `count` mails with one. */
export async function mailedCode(address, count = 1) {
  const coded = () => mails(address).map((mail) => `${mail.subject}\n${mail.text}`.match(/\b(\d{3})[ \u00a0]?(\d{3})\b/)).filter(Boolean);
  const found = await until(`a mail with a code to ${address}`, () => coded().length >= count && coded().at(-1));
  return found[1] + found[2];
}

/** A call of the service's JSON interface, from outside the browser. */
export async function call(method, path, { token, body } = {}) {
  const headers = { ...(token && { authorization: `Bearer ${token}` }), ...(body && { "content-type": "application/json" }) };
  const answer = await fetch(plan.url + path, { method, headers, body: body && JSON.stringify(body) });
  const text = await answer.text();
  return { status: answer.status, body: text && JSON.parse(text) };
}

/** A person, signed in by the JSON interface: token and address. `count` says which mailed code of theirs this sign-in uses. */
export async function signedIn(address = freshAddress(), count = 1) {
  const challenge = await call("POST", "/v1/auth/code", { body: { email: address } });
  equal(challenge.status, 202, `asking for a code: ${JSON.stringify(challenge.body)}`);
  const answer = { challenge: challenge.body.challenge, code: await mailedCode(address, count) };
  let session = await call("POST", "/v1/auth/session", { body: answer });
  if (session.status === 403) {
    const accept = { terms: session.body.error.metadata.terms_version, age_16: true };
    session = await call("POST", "/v1/auth/session", { body: { ...answer, accept } });
  }
  equal(session.status, 201, `signing in: ${JSON.stringify(session.body)}`);
  return { address, token: session.body.session_token };
}

/**
 * Serves a site: files of a folder, or pages given as text by path. Returns its origin, the requests to it, and `close`. The host
 * may be chosen, since `localhost` and `127.0.0.1` are different sites for a browser.
 */
export async function serve({ folder, pages = {}, headers = {}, host = "127.0.0.1", port = 0 }) {
  const requests = [];
  const server = createServer((request, answer) => {
    requests.push({ url: request.url, referrer: request.headers.referer ?? null });
    const path = new URL(request.url, "http://site").pathname;
    const name = path === "/" ? "/index.html" : path;
    const file = folder && join(folder, normalize(name));
    const text = pages[path] ?? (file && file.startsWith(folder) && existsSync(file) ? readFileSync(file) : undefined);
    // Browsers ask for an icon of their own accord.
    answer.statusCode = text !== undefined ? 200 : path === "/favicon.ico" ? 204 : 404;
    const type = TYPES[extname(name)] ?? "text/html; charset=utf-8";
    for (const [header, value] of Object.entries({ "content-type": type, ...headers })) answer.setHeader(header, value);
    answer.end(text ?? "");
  });
  await new Promise((done, failed) => server.once("error", failed).listen(port, "127.0.0.1", done));
  const close = () => (server.closeAllConnections(), server.close());
  return { origin: `http://${host}:${server.address().port}`, requests, close };
}

/** Keeps a picture of a page for people to look at. */
export async function picture(page, name) {
  mkdirSync(plan.screenshots, { recursive: true });
  await page.screenshot({ path: join(plan.screenshots, `${name}.png`), fullPage: true });
}
