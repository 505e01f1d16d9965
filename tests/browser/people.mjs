// People that scenarios share, each kind made once in a run: somebody new, an operator with people to look at, who runs a
// partner, and who got a mail that can be ended.

import { execFileSync } from "node:child_process";
import { call, check, equal, mails, plan, signedIn, until } from "./common.mjs";

export const MODEL = "sandbox/gpt";
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

/** A request in the sandbox, which is charged to a key. */
export async function ask(key, content = "Say hello") {
  const body = { model: MODEL, max_tokens: 40, messages: [{ role: "user", content }] };
  equal((await call("POST", "/v1/chat/completions", { token: key, body })).status, 200, "a request");
}

/** Buys credits for ten dollars, and gives the id of the order. */
async function bought(key) {
  const body = { amount: "10.00", success_url: `${plan.url}/embed/paid` };
  const order = await call("POST", "/v1/credits/checkout", { token: key, body });
  equal(order.status, 201, `a checkout: ${JSON.stringify(order.body)}`);
  const form = { method: "POST", body: new URLSearchParams({ choice: "pay" }), redirect: "manual" };
  equal((await fetch(order.body.checkout_url, form)).status, 303, "the payment");
  return order.body.id;
}

/** A person with credits, a key, a request and an order, and an operator who looks at them. */
async function operator() {
  const [operator, person] = [await signedIn(), await signedIn()];
  const [operatorId, personId] = [await idOf(operator), await idOf(person)];
  admin("user", "role", operatorId, "operator");
  admin("credits", "grant", personId, "500", "--reason", "welcome");
  const key = await call("POST", "/v1/keys", { token: person.token, body: { name: "laptop", limit: 5 } });
  equal(key.status, 201, `a key: ${JSON.stringify(key.body)}`);
  await ask(key.body.key, "A canary that nobody keeps");
  const partner = (await runsPartner()).id;
  return { ...operator, operatorId, personId, person, places: { person: personId, partner, order: await bought(key.body.key) } };
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
  return person;
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

const MAKERS = { person: signedIn, operator, partner, mailed };
const made = new Map();

/** The person of a kind. */
export async function who(kind) {
  if (!made.has(kind)) made.set(kind, MAKERS[kind]());
  return made.get(kind);
}

/** The address of a page of pages.json, and the session that it is looked at with. */
export async function visit({ path, as }) {
  if (!as) return { path };
  const { token, places = {} } = await who(as);
  return { path: path.replace(/\{(\w+)\}/g, (_, name) => places[name]), token };
}
