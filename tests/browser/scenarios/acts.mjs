// What a person does on the pages of the dashboard besides buying: apps, keys, browsers, address, mails, automatic top-up,
// passkeys; and the end of an account.

import { call, check, equal, mailedCode, opened, plan, signedIn, until, withBrowser } from "../common.mjs";
import { withAuthenticator } from "../passkeys.mjs";
import { admin, ask, bought, idOf, made, MODEL, who } from "../people.mjs";
import { started } from "../service.mjs";

/** Runs `body` on a page of a person; `refusal` is a status that the scenario wants, which the browser reports as an error. */
async function on(person, path, body, refusal = null) {
  await withBrowser(async (context, watched) => {
    await body(await opened(context, person, path));
    equal(watched.errors.filter((error) => !error.includes(`status of ${refusal} `)), [], "errors");
    equal(await context.cookies(), [], "cookies");
  });
}

const got = async (path, { token }) => (await call("GET", path, { token })).body;
const status = async (key) => {
  const body = { model: MODEL, max_tokens: 40, messages: [{ role: "user", content: "Say hello" }] };
  return (await call("POST", "/v1/chat/completions", { token: key, body })).status;
};

/** A button that opens a dialog, and the button of the same name in it. */
async function confirm(page, name) {
  await page.getByRole("button", { name, exact: true }).click();
  await page.locator("dialog[open]").getByRole("button", { name, exact: true }).click();
}

async function someoneWithCredits() {
  const person = await signedIn();
  await bought(person.token);
  return person;
}

/** The cap of an app is changed, then the app is disconnected: its key ends at once. */
async function app() {
  const [person, { client, name }] = [await someoneWithCredits(), await who("registered")];
  const { user_key: key } = await made("/v1/apps", person.token, { publishable_key: client, cap_usd: "5" });
  const caps = async () => (await got("/v1/apps", person)).data.map((app) => app.cap_usd);
  await on(person, "/dashboard/apps", async (page) => {
    const cap = page.getByLabel("Cap in dollars");
    equal(await cap.inputValue(), "5", "the cap that the page shows");
    await cap.fill("much");
    await page.getByRole("button", { name: "Set the cap" }).click();
    await page.locator("[data-field=cap_usd] .wrong:visible").waitFor();
    equal(await caps(), ["5"], "the cap after a text that is no amount");
    await cap.fill("0.50");
    await page.getByRole("button", { name: "Set the cap" }).click();
    await page.locator(".apps .meter", { hasText: "of 50 credits" }).waitFor();
    equal(await caps(), ["0.5"], "the cap");
    equal(await status(key), 200, "the app's key");
    await confirm(page, `Disconnect ${name}`);
    await page.getByRole("heading", { name: "Connected apps will appear here" }).waitFor();
    equal(await status(key), 401, "the app's key afterwards");
  }, 400);
}

/** A key is changed, switched off and on, and revoked; each time the API does as the page says. */
async function key() {
  const person = await someoneWithCredits();
  const { key, data } = await made("/v1/keys", person.token, { name: "laptop" });
  await on(person, `/dashboard/keys/${data.id}`, async (page) => {
    await page.getByLabel("Name").fill("desk");
    await page.getByLabel("Limit in credits").fill("25");
    await page.getByLabel("The limit resets").selectOption("weekly");
    await page.getByText("Models and rates").click();
    await page.getByLabel("Models", { exact: true }).fill("sandbox/claude");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("heading", { name: "desk" }).waitFor();
    const { name, limit, limit_reset, allowed_models } = (await got(`/v1/keys/${data.id}`, person)).data;
    equal([name, limit, limit_reset, allowed_models], ["desk", 25, "weekly", ["sandbox/claude"]], "the key");
    equal(await status(key), 403, "a model that the key may not use");
    await page.getByLabel("Models", { exact: true }).fill("");
    await page.getByRole("button", { name: "Save" }).click();
    await until("the models", async () => (await status(key)) === 200);
    await page.getByRole("button", { name: "Switch off desk" }).click();
    await page.getByRole("button", { name: "Switch on desk" }).waitFor();
    equal(await status(key), 403, "a key that is switched off");
    await page.getByRole("button", { name: "Switch on desk" }).click();
    await page.getByRole("button", { name: "Switch off desk" }).waitFor();
    equal(await status(key), 200, "a key that is switched on again");
    await confirm(page, "Revoke “desk”");
    await page.getByRole("heading", { name: "Your keys will appear here" }).waitFor();
    equal(new URL(page.url()).pathname, "/dashboard/keys", "where it leads");
    equal(await status(key), 401, "a revoked key");
  });
}

/** One other browser is signed out, then all others; the one at hand stays. */
async function browsers() {
  const person = await signedIn();
  const others = [await signedIn(person.address, 2), await signedIn(person.address, 3), await signedIn(person.address, 4)];
  const live = async () => {
    const answers = await Promise.all(others.map(({ token }) => call("GET", "/v1/auth/session", { token })));
    return answers.filter((answer) => answer.status === 200).length;
  };
  await on(person, "/dashboard/account", async (page) => {
    const rows = page.getByRole("table", { name: "Signed-in browsers" }).locator("tbody tr");
    equal([await rows.count(), await live()], [4, 3], "browsers");
    await rows.filter({ hasNotText: "this one" }).first().getByRole("button").click();
    await until("one less", async () => (await rows.count()) === 3);
    equal(await live(), 2, "others that are signed in");
    await page.getByRole("button", { name: "Sign out all others" }).click();
    await until("none but this one", async () => (await rows.count()) === 1);
    equal(await live(), 0, "others that are signed in afterwards");
    equal((await call("GET", "/v1/auth/session", { token: person.token })).status, 200, "the browser at hand");
  });
}

/** Both addresses get a code; a wrong one changes nothing. */
async function address() {
  const [person, to] = [await signedIn(), `moved-${Date.now()}@example.org`];
  await on(person, "/dashboard/account", async (page) => {
    await page.getByLabel("New email").fill(to);
    await page.getByRole("button", { name: "Mail both codes" }).click();
    const [old, fresh] = [await mailedCode(person.address, 2), await mailedCode(to)];
    await page.getByLabel("Code from the old address").fill(old);
    await page.getByLabel("Code from the new address").fill(fresh === "000000" ? "111111" : "000000");
    await page.getByRole("button", { name: "Change the email" }).click();
    await page.getByRole("alert").waitFor();
    equal((await got("/v1/auth/session", person)).user.email, person.address, "the address after a wrong code");
    await page.getByLabel("Code from the new address").fill(fresh);
    await page.getByRole("button", { name: "Change the email" }).click();
    await page.locator(".facts", { hasText: to }).waitFor();
    equal((await got("/v1/auth/session", person)).user.email, to, "the address");
  }, 400);
  equal((await idOf(await signedIn(to, 2))), await idOf(person), "who signs in with the new address");
}

/** A mail that is switched off is off afterwards, on the page too. */
async function notifications() {
  const person = await signedIn();
  await on(person, "/dashboard/account", async (page) => {
    const [low, spent] = [page.getByLabel("The balance is low"), page.getByLabel("80% of a limit is spent")];
    equal([await low.isChecked(), await spent.isChecked()], [true, true], "what is on at first");
    await low.uncheck();
    await page.locator("form", { has: low }).getByRole("button", { name: "Save" }).click();
    await until("what is stored", async () => (await got("/v1/account/notifications", person)).low_balance === false);
    await page.reload({ waitUntil: "networkidle" });
    await low.waitFor();
    equal([await low.isChecked(), await spent.isChecked()], [false, true], "what is on afterwards");
  });
}

/** A payment method is kept with a purchase, buys once by itself, and no more after it is turned off. */
async function topUp() {
  const person = await signedIn();
  const orders = async () => (await got("/v1/credits/orders", person)).data.length;
  await on(person, "/dashboard/top-up", async (page) => {
    await page.getByText("Buy credits with “Keep my payment method” once").waitFor();
    await page.getByLabel("Keep my payment method").check();
    await page.getByRole("button", { name: /^Pay / }).click();
    await page.waitForURL(/\/sandbox\/checkout\//);
    await page.getByRole("button", { name: "Pay", exact: true }).click();
    await page.getByText("You bought").first().waitFor();
    await page.getByLabel("When the balance is below, in credits").fill("10000");
    await page.getByLabel("Buy for, in USD").fill("20");
    await page.getByLabel("At most in a month, in USD").fill("60");
    await page.getByRole("button", { name: "Turn on" }).click();
    await page.getByText("It is on.").waitFor();
    equal(await orders(), 1, "orders before a top-up");
    await until("a top-up", async () => (admin("job", "run", "top-ups"), (await orders()) > 1));
    await page.getByRole("link", { name: "Transactions", exact: true }).click();
    await page.waitForURL(/\/dashboard\/transactions/);
    await page.getByRole("row", { name: /automatic top-up/ }).first().waitFor();
    await page.goBack();
    await page.getByRole("button", { name: "Turn off automatic top-up" }).click();
    await page.getByText("It is off.").waitFor();
    const last = await orders();
    admin("job", "run", "top-ups");
    equal(await orders(), last, "orders after it was turned off");
  });
}

/** Fills in the newest code, and takes the step. */
async function codeFor(form, person, count) {
  await form.getByLabel("Code", { exact: true }).fill(await mailedCode(person.address, count));
  await form.getByRole("button").last().click();
}

/** A passkey is added by the page's own button, with a code, and removed again. */
async function passkey() {
  const person = await signedIn();
  await on(person, "/dashboard/account", async (page) => {
    await withAuthenticator(page);
    await page.getByLabel("Name of the device").fill("desk");
    const adding = page.locator("form[data-passkey-form]");
    await adding.getByRole("button", { name: "Add a passkey" }).click();
    await codeFor(adding, person, 2);
    await page.getByRole("table", { name: "Passkeys" }).getByText("desk").waitFor();
    equal((await got("/v1/account/passkeys", person)).data.map(({ name }) => name), ["desk"], "passkeys");
    await page.getByRole("button", { name: "Remove desk" }).first().click();
    const removing = page.locator("dialog[open] form");
    await removing.getByRole("button", { name: "Remove desk" }).click();
    await codeFor(removing, person, 3);
    await until("no passkey", async () => (await got("/v1/account/passkeys", person)).data.length === 0);
    await page.getByRole("table", { name: "Passkeys" }).waitFor({ state: "detached" });
  });
}

/** Signs in at a service of this scenario's own, as somebody new or as somebody who has agreed to the terms. */
async function enters(page, service, address, count) {
  await page.goto(`${service.url}/sign-in`, { waitUntil: "networkidle" });
  await page.getByLabel("Email address").fill(address);
  await page.getByRole("button", { name: "Mail me a code" }).click();
  await page.getByLabel("Code", { exact: true }).fill(await service.codeOf(address, count));
  await page.getByLabel(/agree to the/).check();
  await page.getByLabel(/16 or older/).check();
  await page.getByRole("button", { name: "Agree and sign in" }).click();
  await page.waitForURL(/\/dashboard/);
  await page.locator("main h1").first().waitFor();
}

/** Where nobody waits for a deletion, the account is gone after the next run of the job: session, key, address. */
async function deletion() {
  const [service, address] = [await started({ OPENCREDITS_PRIVACY_DELETION_GRACE_DAYS: "0" }), "leaving@example.org"];
  try {
    await withBrowser(async (context) => {
      const page = context.pages()[0] ?? (await context.newPage());
      await enters(page, service, address, 1);
      const token = await page.evaluate("localStorage.getItem('opencredits.session')");
      const asks = (path, bearer) => fetch(service.url + path, { headers: { authorization: `Bearer ${bearer}` } });
      const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
      const key = await (await fetch(`${service.url}/v1/keys`, { method: "POST", headers, body: '{"name":"laptop"}' })).json();
      const id = (await (await asks("/v1/auth/session", token)).json()).user.id;
      equal((await asks("/v1/credits/balance", key.key)).status, 200, "the key");
      await page.goto(`${service.url}/dashboard/account`, { waitUntil: "networkidle" });
      const form = page.locator("form[data-confirmed=deletion]");
      await form.getByRole("button", { name: "Delete my account" }).click();
      await form.getByLabel("Code", { exact: true }).fill(await service.codeOf(address, 2));
      await form.getByRole("button", { name: "Delete my account" }).last().click();
      await page.getByText(/Your account is deleted on/).waitFor();
      service.admin("job", "run", "delete-accounts");
      equal([(await asks("/v1/auth/session", token)).status, (await asks("/v1/credits/balance", key.key)).status], [401, 401], "what is left");
      await page.reload();
      await page.waitForURL(/\/sign-in/);
      await enters(page, service, address, 3);
      const fresh = await page.evaluate("localStorage.getItem('opencredits.session')");
      check((await (await asks("/v1/auth/session", fresh)).json()).user.id !== id, "the address begins an account of its own");
    });
  } finally {
    await service.stop();
  }
}

export const cells = [
  ["the cap of an app is changed, and the app is disconnected", app],
  ["a key is changed, switched off and on, and revoked", key],
  ["other browsers are signed out", browsers],
  ["the address is changed by codes to both", address],
  ["a mail is switched off", notifications],
  ["automatic top-up is turned on, buys, and is turned off", topUp],
  ["a passkey is added by the page, and removed", passkey],
  ["an account is deleted to its end", deletion],
];
