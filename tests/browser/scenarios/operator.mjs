// The operator's pages: who has the role finds a person and gives them credits; who has not finds nothing.

import { execFileSync } from "node:child_process";
import { call, check, equal, plan, signedIn, withBrowser } from "../common.mjs";
import { lookAt } from "../looks.mjs";

const MODEL = "sandbox/gpt";
const PAGES = ["", "/people", "/partners", "/orders", "/routes", "/prices", "/jobs", "/ledger", "/changes"];

/** What the admin tool answers. */
function admin(...words) {
  const [tool, ...always] = plan.admin;
  return JSON.parse(execFileSync(tool, [...always, ...words], { encoding: "utf8", env: { PATH: process.env.PATH } }));
}

async function idOf(person) {
  return (await call("GET", "/v1/auth/session", { token: person.token })).body.user.id;
}

let made;

/** An operator, and a person with a key and a request. */
async function people() {
  made ??= (async () => {
    const [operator, person] = [await signedIn(), await signedIn()];
    const [operatorId, personId] = [await idOf(operator), await idOf(person)];
    admin("user", "role", operatorId, "operator");
    admin("credits", "grant", personId, "500", "--reason", "welcome");
    const key = await call("POST", "/v1/keys", { token: person.token, body: { name: "laptop", limit: 5 } });
    equal(key.status, 201, `a key: ${JSON.stringify(key.body)}`);
    const body = { model: MODEL, max_tokens: 40, messages: [{ role: "user", content: "A canary that nobody keeps" }] };
    equal((await call("POST", "/v1/chat/completions", { token: key.body.key, body })).status, 200, "a request");
    return { operator, person, operatorId, personId };
  })();
  return made;
}

async function opened(context, person, path) {
  const page = context.pages()[0] ?? (await context.newPage());
  await page.addInitScript((token) => localStorage.setItem("opencredits.session", token), person.token);
  await page.goto(plan.url + path, { waitUntil: "networkidle" });
  await page.locator("main h1").first().waitFor();
  return page;
}

/** Found by the address, given credits with a reason, seen by the person, and recorded. */
async function grant() {
  const { operator, person, operatorId, personId } = await people();
  const before = (await call("GET", "/v1/credits/balance", { token: person.token })).body.balance;
  await withBrowser(async (context, watched) => {
    const page = await opened(context, operator, "/dashboard");
    await page.getByText("Account", { exact: true }).click();
    await page.getByRole("link", { name: "Operator" }).click();
    await page.getByRole("heading", { name: "Today by hour, UTC" }).waitFor();
    await page.getByRole("link", { name: "People" }).click();
    await page.getByLabel("Find a person").fill(person.address);
    await page.getByRole("button", { name: "Find" }).click();
    await page.getByRole("heading", { name: "Found" }).waitFor();
    await page.locator("tbody th a").first().click();
    await page.waitForURL((url) => url.pathname === `/operator/people/${personId}`);
    await page.getByRole("button", { name: "Give credits" }).first().click();
    const dialog = page.locator("dialog[open]");
    await dialog.getByLabel("Credits").fill("1000");
    await dialog.getByLabel("Reason").fill("A canary of a reason");
    await dialog.getByRole("button", { name: "See what it does" }).click();
    await dialog.getByText("This will happen.").waitFor();
    check((await dialog.textContent()).includes("1,000 credits"), "the amount is named");
    equal((await call("GET", "/v1/credits/balance", { token: person.token })).body.balance, before, "nothing has happened yet");
    await dialog.getByRole("button", { name: "Change it" }).click();
    await dialog.getByLabel("Credits").fill("250");
    await dialog.getByRole("button", { name: "See what it does" }).click();
    await dialog.getByText("250 credits").first().waitFor();
    await dialog.getByRole("button", { name: "Give credits" }).click();
    // The reason stands in the dialog too, so that the record tells when the page is fetched anew.
    await page.locator("td code", { hasText: `operator ${operatorId}` }).first().waitFor();
    equal(await page.locator("dialog[open]").count(), 0, "the dialog is closed");
    const after = (await call("GET", "/v1/credits/balance", { token: person.token })).body.balance;
    equal(Math.round(after - before), 250, "credits");
    check((await page.locator("table").allTextContents()).join().includes("A canary of a reason"), "the reason is listed");
    check(!(await page.locator("main").textContent()).includes("canary that nobody"), "no content of a request");
    equal(watched.errors, [], "errors");
  });
  await withBrowser(async (context) => {
    const page = await opened(context, person, "/dashboard/transactions");
    await page.getByText("A canary of a reason").waitFor();
  });
}

/** A secret is shown once, and a wrong act is told before it can be confirmed. */
async function secret() {
  const { operator, personId } = await people();
  await withBrowser(async (context, watched) => {
    const page = await opened(context, operator, `/operator/people/${personId}`);
    await page.getByRole("button", { name: "Take credits" }).click();
    const dialog = page.locator("dialog[open]");
    await dialog.getByLabel("Credits").fill("99999999");
    await dialog.getByLabel("Reason").fill("too much");
    await dialog.getByRole("button", { name: "See what it does" }).click();
    await dialog.getByText(/does not cover this/).first().waitFor();
    check(await dialog.locator("[data-do]").isHidden(), "there is nothing to confirm");
    await dialog.getByRole("button", { name: "Cancel" }).click();
    watched.errors.splice(0, watched.errors.length, ...watched.errors.filter((error) => !error.includes("status of 400")));
    await page.getByRole("button", { name: "New key", exact: true }).click();
    await dialog.getByLabel("Name").fill("by the operator");
    await dialog.getByRole("button", { name: "See what it does" }).click();
    await dialog.getByRole("button", { name: "New key" }).click();
    const key = dialog.locator("[data-secret] code");
    await key.waitFor();
    const text = await key.textContent();
    equal((await call("GET", "/v1/key", { token: text })).status, 200, "the key works");
    await dialog.getByRole("button", { name: "I have copied it" }).click();
    await page.getByText("by the operator").first().waitFor();
    check(!(await page.content()).includes(text), "it is shown once");
    equal(watched.errors, [], "errors");
  });
}

/** Who has not the role sees no link, no places and no page. */
async function nothing() {
  const { person, personId } = await people();
  await withBrowser(async (context) => {
    const page = await opened(context, person, "/dashboard");
    await page.getByText("Account", { exact: true }).click();
    await page.waitForLoadState("networkidle");
    equal(await page.getByRole("link", { name: "Operator" }).count(), 0, "a link in the menu");
    for (const path of [...PAGES, `/people/${personId}`]) {
      await page.goto(`${plan.url}/operator${path}`, { waitUntil: "networkidle" });
      await page.getByRole("heading", { name: "There is nothing here" }).waitFor();
      check(await page.locator("header nav").isHidden(), `${path}: the places are hidden`);
    }
  });
}

const looks = [...PAGES, "/people/"].map((path) => [
  `/operator${path} looks right`,
  async () => {
    const { operator, personId } = await people();
    const whole = path === "/people/" ? path + personId : path;
    const name = `operator${path.replaceAll("/", "-").replace(/-$/, "-one")}`;
    const count = await lookAt({ name, path: `/operator${whole}`, token: operator.token, ready: "main h1" });
    return `${count} looks`;
  },
]);

export const cells = [
  ["an operator finds a person and gives credits, which the person sees", grant],
  ["a secret is shown once, and a wrong act cannot be confirmed", secret],
  ["who has not the role finds nothing", nothing],
  ...looks,
];
