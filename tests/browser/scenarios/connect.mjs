// Apps that ask for a person's credits, and the person who decides on our page: by OAuth, by a callback in the shape of other
// gateways, by a redirect with the key, and at a terminal.

import { createHash, randomBytes } from "node:crypto";
import { call, check, equal, firstPage, mailedCode, opened, picture, plan, serve, signedIn, until, withBrowser } from "../common.mjs";
import { app, device, fresh } from "../people.mjs";

const BACK = "http://127.0.0.1/back";
/** The most that a key of an app may spend that nobody has registered, in dollars. */
const STRANGERS_CAP = "5";

/** A secret of an app, and what it shows of it first (RFC 7636). */
function secrets() {
  const verifier = randomBytes(32).toString("base64url");
  return { verifier, shown: { code_challenge: createHash("sha256").update(verifier).digest("base64url"), code_challenge_method: "S256" } };
}

const query = (fields) => new URLSearchParams(fields).toString();

/**
 * An app on this machine: a page at /back, and what it asks for in each way. `refusal` is the status of answers that a scenario
 * wants, which the browser reports as errors.
 */
async function withApp(body, { host = "127.0.0.1", refusal = null } = {}) {
  const site = await serve({ pages: { "/back": "<!doctype html><title>Notes</title><h1>Notes</h1>" }, host });
  const notes = app(fresh("Notes"), [BACK]);
  const [{ verifier, shown }, back] = [secrets(), `${site.origin}/back`];
  const state = randomBytes(8).toString("hex");
  const asks = {
    authorize: `/oauth/authorize?${query({ response_type: "code", client_id: notes.client, redirect_uri: back, state, ...shown })}`,
    callback: `/auth?${query({ callback_url: back, client_id: notes.client, ...shown })}`,
    stranger: `/auth?${query({ callback_url: back, ...shown })}`,
    connect: `/connect?${query({ publishable_key: notes.client, redirect_url: back, state })}`,
  };
  try {
    return await withBrowser(async (context, watched) => {
      await body({ ...notes, asks, back, state, verifier, context, site });
      equal(watched.errors.filter((error) => !error.includes(`status of ${refusal} `)), [], "errors");
      const foreign = watched.requests.filter((url) => ![plan.url, site.origin].some((origin) => url.startsWith(`${origin}/`)));
      equal(foreign, [], "requests to others");
      equal(await context.cookies(), [], "cookies");
    });
  } finally {
    site.close();
  }
}

/** The page of a way, once the person can decide. */
async function asked(context, person, path) {
  const page = await opened(context, person, path);
  await page.locator("form.decide").waitFor();
  return page;
}

/** What the app gets at its page, once the person is there. */
async function given(page, back) {
  await page.waitForURL((url) => url.href.startsWith(back));
  return Object.fromEntries(new URL(page.url()).searchParams);
}

const allow = (page, name) => page.getByRole("button", { name: `Connect ${name}` }).click();
const deny = (page) => page.getByRole("button", { name: "Do not connect" }).click();
const appsOf = async (person) => (await call("GET", "/v1/apps", { token: person.token })).body.data;
const works = async (key) => (await call("GET", "/v1/credits/balance", { token: key })).status === 200;

async function tokens(fields) {
  const answer = await fetch(`${plan.url}/oauth/token`, { method: "POST", body: new URLSearchParams(fields) });
  return { status: answer.status, ...(await answer.json()) };
}

/** Signs in on the page that asks for it, as somebody who has an account. */
async function signsIn(page, person) {
  await page.waitForURL((url) => url.pathname === "/sign-in");
  await page.getByLabel("Email address").fill(person.address);
  await page.getByRole("button", { name: "Mail me a code" }).click();
  await page.getByLabel("Code", { exact: true }).fill(await mailedCode(person.address, 2));
}

/** A person who is not signed in does that first, comes back, and chooses a cap. */
async function authorizes() {
  await withApp(async ({ name, client, asks, back, state, verifier, context }) => {
    const person = await signedIn();
    const page = await firstPage(context);
    await page.goto(plan.url + asks.authorize, { waitUntil: "networkidle" });
    await page.getByRole("heading", { name: `Let ${name} use your credits?` }).waitFor();
    check(await page.locator("form.decide").isHidden(), "nobody can decide yet");
    await page.getByRole("main").getByRole("button", { name: "Sign in" }).click();
    await signsIn(page, person);
    await page.waitForURL((url) => url.pathname + url.search === asks.authorize);
    await page.locator(".who-decides", { hasText: person.address }).waitFor();
    await page.getByLabel("It may spend at most, in dollars").fill("3");
    await page.getByLabel("Counted").selectOption("monthly");
    await picture(page, "connect-authorize");
    await allow(page, name);
    const { code, ...rest } = await given(page, back);
    equal(rest, { state, iss: plan.url }, "what comes with the code");
    const grant = { grant_type: "authorization_code", client_id: client, code, redirect_uri: back, code_verifier: verifier };
    const token = await tokens(grant);
    equal(token.status, 200, `tokens: ${JSON.stringify(token)}`);
    check(await works(token.access_token), "the token works");
    equal((await appsOf(person)).map((app) => [app.name, app.cap_usd, app.cap_reset]), [[name, "3", "monthly"]], "the person's apps");
  });
}

/** What is refused gives the app an error that it can read, and nothing else. */
async function authorizationDenied() {
  await withApp(async ({ asks, back, state, context }) => {
    const person = await signedIn();
    const page = await asked(context, person, asks.authorize);
    await deny(page);
    const { error, code, ...rest } = await given(page, back);
    equal([error, code, rest.state, rest.iss], ["access_denied", undefined, state, plan.url], "what the app is told");
    equal(await appsOf(person), [], "the person's apps");
  });
}

/** What a code of a callback is exchanged for. */
async function keyOf(code, verifier) {
  const body = { code, code_verifier: verifier, code_challenge_method: "S256" };
  const answer = await call("POST", "/api/v1/auth/keys", { body });
  equal(answer.status, 200, `the exchange: ${JSON.stringify(answer.body)}`);
  return answer.body.key;
}

async function callbackOfApp() {
  await withApp(async ({ name, asks, back, verifier, context }) => {
    const person = await signedIn();
    let page = await asked(context, person, asks.callback);
    equal(await page.locator("main .notice.warn:visible").count(), 0, "warnings about an app that is known");
    await deny(page);
    equal((await given(page, back)).code, undefined, "the code of who denies");
    page = await asked(context, person, asks.callback);
    await allow(page, name);
    check(await works(await keyOf((await given(page, back)).code, verifier)), "the key works");
    equal((await appsOf(person)).map((app) => app.name), [name], "the person's apps");
  });
}

/** Nobody has registered the app: the page warns, and its cap is low, whatever is typed. */
async function callbackOfStranger() {
  await withApp(async ({ asks, back, verifier, context, site }) => {
    const person = await signedIn();
    const page = await asked(context, person, asks.stranger);
    const host = new URL(site.origin).host;
    await page.locator(".notice.warn", { hasText: "Nobody here knows this app." }).getByText(host).waitFor();
    const cap = page.getByLabel("It may spend at most, in dollars");
    equal(await cap.inputValue(), STRANGERS_CAP, "the cap that is proposed");
    await picture(page, "connect-stranger");
    await cap.fill("50");
    await allow(page, "this app");
    await page.locator("#f-cap_usd-error").getByText(STRANGERS_CAP).waitFor();
    equal(await cap.inputValue(), "50", "what was typed stays");
    await cap.fill("2");
    await allow(page, "this app");
    const key = await keyOf((await given(page, back)).code, verifier);
    check(await works(key), "the key works");
    equal((await appsOf(person)).map((app) => [app.name, app.registered, app.cap_usd]), [[host, false, "2"]], "the person's apps");
  }, { host: "localhost", refusal: 400 });
}

/** The key stands in the address of the app's own page, and nowhere else. */
async function handsOver() {
  await withApp(async ({ name, asks, back, state, context, site }) => {
    const person = await signedIn();
    let page = await asked(context, person, asks.connect);
    await deny(page);
    equal((await given(page, back)).key, undefined, "the key of who denies");
    equal((await appsOf(person)).length, 0, "apps of who denies");
    page = await asked(context, person, asks.connect);
    await allow(page, name);
    const { key, ...rest } = await given(page, back);
    equal(rest.state, state, "the state");
    check(await works(key), "the key works");
    // The icon is asked for by the app's own page.
    const arrivals = site.requests.filter(({ url }) => url.startsWith("/back"));
    equal(arrivals.map(({ referrer }) => referrer), [null, null], "referrers that the app got");
    equal((await fetch(plan.url + asks.connect)).headers.get("referrer-policy"), "no-referrer", "the policy of the page");
    await page.goBack();
    check(!page.url().includes("oc_sk_"), "the key is in no page before the app's");
  });
}

/** Types a code at /device, and goes on. */
async function types(page, code) {
  await page.getByLabel("Code", { exact: true }).fill(code);
  await page.getByRole("button", { name: "Go on" }).click();
}

const DEVICE = "urn:ietf:params:oauth:grant-type:device_code";
const polled = ({ client }, { device_code }) => tokens({ grant_type: DEVICE, client_id: client, device_code });

/** Somebody who is not signed in types what a terminal shows, and connects it. */
async function connectsTerminal() {
  const [notes, person] = [app(fresh("Terminal"), []), await signedIn()];
  const terminal = await device(notes.client);
  equal(terminal.verification_uri, `${plan.url}/device`, "where the terminal sends people");
  await withBrowser(async (context, watched) => {
    const page = await firstPage(context);
    await page.goto(terminal.verification_uri, { waitUntil: "networkidle" });
    await types(page, terminal.user_code.toLowerCase());
    await signsIn(page, person);
    await page.locator(".notice.warn", { hasText: terminal.user_code }).waitFor();
    await page.getByLabel("It may spend at most, in dollars").fill("4");
    await picture(page, "connect-device");
    await allow(page, notes.name);
    await page.getByText("Connected. Go back to your terminal.").waitFor();
    const token = await polled(notes, terminal);
    equal(token.status, 200, `the terminal's tokens: ${JSON.stringify(token)}`);
    check(await works(token.access_token), "the token works");
    equal((await appsOf(person)).map((app) => [app.name, app.cap_usd]), [[notes.name, "4"]], "the person's apps");
    equal(watched.errors, [], "errors");
  });
}

/** A code that no terminal shows is said to be none, and a terminal that is refused is told so. */
async function refusesTerminal() {
  const [notes, person] = [app(fresh("Terminal"), []), await signedIn()];
  const terminal = await device(notes.client);
  await withBrowser(async (context, watched) => {
    const page = await opened(context, person, "/device");
    await types(page, "BBBB-BBBB");
    await page.getByRole("heading", { name: "No terminal waits for this code" }).waitFor();
    await types(page, terminal.user_code);
    await page.locator("form.decide").waitFor();
    await deny(page);
    await page.getByText(`Not connected. Nothing was given to ${notes.name}.`).waitFor();
    equal((await polled(notes, terminal)).error, "access_denied", "what the terminal is told");
    equal(await appsOf(person), [], "the person's apps");
    equal(watched.errors.filter((error) => !error.includes("status of 404")), [], "errors");
  });
}

export const cells = [
  ["who is not signed in does that first, and connects an app by OAuth with a cap", authorizes],
  ["who denies gives the app an error alone", authorizationDenied],
  ["a registered app gets a key at its callback", callbackOfApp],
  ["an app that nobody knows is warned of, and gets little", callbackOfStranger],
  ["an app on the person's machine is handed a key, and no referrer", handsOver],
  ["a terminal is connected by its code", connectsTerminal],
  ["a terminal that is refused is told so", refusesTerminal],
];
