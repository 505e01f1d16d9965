// People that scenarios share, each kind made once in a run: somebody new, who has done everything once, an operator with people
// to look at, who runs a partner, and who got a mail that can be ended.

import { execFileSync } from "node:child_process";
import { call, check, equal, mails, plan, signedIn, until, withBrowser } from "./common.mjs";
import { withPasskey } from "./passkeys.mjs";

export const MODEL = "sandbox/gpt";
const OTHER_MODEL = "sandbox/claude";
/** Where the apps of these tests want people to be sent: a website, and a program on the person's machine. */
export const REDIRECTS = { web: "https://notes.example/back", loopback: "http://127.0.0.1/back" };
let number = 0;

/** What the admin tool answers. */
export function admin(...words) {
  const [tool, ...always] = plan.admin;
  return JSON.parse(execFileSync(tool, [...always, ...words], { encoding: "utf8", env: { PATH: process.env.PATH } }));
}

export async function idOf(person) {
  return (await call("GET", "/v1/auth/session", { token: person.token })).body.user.id;
}

/** A name that nothing has had in this run. */
export const fresh = (name) => `${name} ${process.pid} ${(number += 1)}`;

/** A request in the sandbox, which is charged to a key; `more` are further members of its body. */
export async function ask(key, content = "Say hello", more = {}) {
  const body = JSON.stringify({ model: MODEL, max_tokens: 40, messages: [{ role: "user", content }], ...more });
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  const answer = await fetch(`${plan.url}/v1/chat/completions`, { method: "POST", headers, body });
  equal(answer.status, 200, `a request: ${await answer.text()}`);
}

/** What the JSON interface answers to a call that makes something. */
export async function made(path, token, body) {
  const answer = await call("POST", path, { token, body });
  equal(answer.status, 201, `${path}: ${JSON.stringify(answer.body)}`);
  return answer.body;
}

/** An order of credits for ten dollars, which is not paid yet. */
const ordered = (token, more = {}) =>
  made("/v1/credits/checkout", token, { amount: "10.00", success_url: `${plan.url}/embed/paid`, ...more });

/** Buys credits for ten dollars, and gives the id of the order. */
export async function bought(token, more = {}) {
  const order = await ordered(token, more);
  const form = { method: "POST", body: new URLSearchParams({ choice: "pay" }), redirect: "manual" };
  equal((await fetch(order.checkout_url, form)).status, 303, "the payment");
  return order.id;
}

const lastPart = (url) => new URL(url).pathname.split("/").at(-1);

/** A registered app: its name, and its client id, which is a publishable key. */
export function app(name = fresh("Notes"), redirects = Object.values(REDIRECTS)) {
  admin("partner", "add", name, "--share-bps", "5000");
  const words = redirects.flatMap((redirect) => ["--redirect", redirect]);
  const { keys } = admin("partner", "publishable", "add", name, "--any-origin", ...words);
  return { name, client: keys[0].key };
}

/** A device that waits for a person: its own code, and the one that the person types. */
export async function device(client) {
  const body = new URLSearchParams({ client_id: client });
  const answer = await fetch(`${plan.url}/oauth/device_authorization`, { method: "POST", body });
  equal(answer.status, 200, "a device's request");
  return answer.json();
}

/** The place of the page on which a new order is paid. */
const session = async (token, more) => lastPart((await ordered(token, more)).checkout_url);

/** A person with a passkey, who is signed in twice. */
async function withTwoBrowsers() {
  const person = await withBrowser(async (context) => {
    const page = context.pages()[0] ?? (await context.newPage());
    await page.goto(`${plan.url}/sign-in`);
    return withPasskey(page);
  });
  await signedIn(person.address, 2);
  return person;
}

/** A person who has done everything once: every page of the dashboard has something to show. */
async function busy() {
  const person = await withTwoBrowsers();
  const { token } = person;
  await bought(token, { save_method: true });
  await ordered(token);
  const rule = { threshold: "100", amount: "10", currency: "usd", monthly_max: "50" };
  equal((await call("PUT", "/v1/credits/top-up", { token, body: rule })).status, 200, "automatic top-up");
  const key = await made("/v1/keys", token, { name: "laptop", limit: 500, limit_reset: "monthly" });
  await made("/v1/keys", token, { name: "server of the company" });
  await ask(key.key);
  await ask(key.key, "Say it word by word", { stream: true });
  const { client } = await who("registered");
  const connected = await made("/v1/apps", token, { publishable_key: client, cap_usd: "2", cap_reset: "monthly" });
  await ask(connected.user_key, "sandbox:tokens 30", { model: OTHER_MODEL, stream: true });
  const requests = async () => (await call("GET", "/v1/generations", { token })).body.data;
  const all = await until("the requests", async () => (await requests()).length === 3 && requests());
  const portal = await call("POST", "/v1/credits/portal", { token, body: {} });
  const places = {
    client, key: key.data.id, request: all[0].id, portal: lastPart(portal.body.url),
    session: () => session(token), code: async () => (await device(client)).user_code,
  };
  return { ...person, places };
}

/** A person with credits, a key, a request and an order, and an operator who looks at them. */
async function operator() {
  const [operator, person] = [await signedIn(), await signedIn()];
  const [operatorId, personId] = [await idOf(operator), await idOf(person)];
  admin("user", "role", operatorId, "operator");
  admin("credits", "grant", personId, "500", "--reason", "welcome");
  const { key } = await made("/v1/keys", person.token, { name: "laptop", limit: 5 });
  await ask(key, "A canary that nobody keeps");
  const partner = (await runsPartner()).id;
  return { ...operator, operatorId, personId, person, places: { person: personId, partner, order: await bought(key) } };
}

/** A person with an approved partner and its test key. */
export async function runsPartner(name = fresh("Portal")) {
  const person = await signedIn();
  const body = { name, url: "https://editor.example", origins: ["https://editor.example"], redirect_urls: ["https://editor.example/back"] };
  const sent = await call("POST", "/v1/partners/apply", { token: person.token, body });
  equal(sent.status, 201, `applying: ${JSON.stringify(sent.body)}`);
  admin("partner", "approve", sent.body.data.id);
  return { ...person, id: sent.body.data.id, testKey: sent.body.test.key };
}

/** The same with commission in test mode. */
async function partner() {
  const person = await runsPartner(fresh("Looks"));
  await ask(person.testKey);
  return { ...person, places: { session: () => session(person.testKey, { email: person.address }) } };
}

/** A person whose balance fell, and the link of the mail about it. */
async function mailed() {
  const person = await signedIn();
  const id = await idOf(person);
  admin("credits", "grant", id, "5000", "--reason", "welcome");
  admin("job", "run", "find-notices");
  admin("credits", "take", id, "4999", "--reason", "a test", "--yes");
  admin("job", "run", "find-notices");
  const find = () => mails(person.address).map((mail) => mail.text.match(/\/mails\/unsubscribe\?link=(\S+)/)).find(Boolean);
  const [, link] = await until("a mail that can be ended", find);
  check(link.length > 20, link);
  return { places: { link } };
}

const MAKERS = {
  person: signedIn,
  busy,
  operator,
  partner,
  mailed,
  registered: async () => app(),
  nobody: async () => ({ places: await who("registered") }),
};
const people = new Map();

/** The person of a kind. */
export async function who(kind) {
  if (!people.has(kind)) people.set(kind, MAKERS[kind]());
  return people.get(kind);
}

/** The address of a page of pages.json, and the session that it is looked at with. What lasts for minutes only is made anew. */
export async function visit({ path, as }) {
  if (!as) return { path };
  const { token, places = {} } = await who(as);
  const [, name] = path.match(/\{(\w+)\}/) ?? [];
  if (!name) return { path, token };
  const place = places[name];
  return { path: path.replace(`{${name}}`, typeof place === "function" ? await place() : place), token };
}
