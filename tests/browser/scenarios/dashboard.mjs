// The dashboard as a person uses it: buying, a key, a request and its bill, the playground, the export, and leaving.

import { readFileSync } from "node:fs";
import { call, check, equal, mailedCode, mails, opened, plan, signedIn, until, withBrowser } from "../common.mjs";

const MODEL = "sandbox/gpt";

async function buy(page) {
  await page.goto(`${plan.url}/dashboard/top-up`, { waitUntil: "networkidle" });
  await page.getByRole("button", { name: /^Pay / }).click();
  await page.waitForURL(/\/sandbox\/checkout\//);
  await page.getByRole("button", { name: "Pay", exact: true }).click();
  await page.waitForURL(/\/dashboard\/top-up/);
  await page.getByText("You bought").first().waitFor();
}

/** From a purchase to the bill of a request. */
async function fromPurchaseToBill() {
  await withBrowser(async (context, watched) => {
    const person = await signedIn();
    const page = await opened(context, person, "/dashboard/top-up");
    await buy(page);
    const bought = (await call("GET", "/v1/credits/balance", { token: person.token })).body.balance;
    check(bought > 0, "the balance is there");
    await page.goto(`${plan.url}/dashboard/keys/new`, { waitUntil: "networkidle" });
    await page.getByLabel("Name").fill("laptop");
    await page.getByRole("button", { name: "Make the key" }).click();
    const secret = page.locator("#secret");
    await secret.waitFor();
    const key = await secret.textContent();
    const body = { model: MODEL, max_tokens: 40, messages: [{ role: "user", content: "Say hello" }] };
    equal((await call("POST", "/v1/chat/completions", { token: key, body })).status, 200, "the key works");
    await page.goto(`${plan.url}/dashboard/requests`, { waitUntil: "networkidle" });
    await page.locator("tbody th a").first().click();
    await page.waitForURL(/\/dashboard\/requests\/gen_/);
    await page.getByText("Provider's price").or(page.getByText("cost", { exact: false })).first().waitFor();
    const left = (await call("GET", "/v1/credits/balance", { token: person.token })).body.balance;
    check(left < bought, "the request was charged");
    equal(watched.errors, [], "errors");
  });
}

/** A conversation in the playground is charged and kept nowhere; its key ends with the page. */
async function playground() {
  await withBrowser(async (context, watched) => {
    const person = await signedIn();
    const page = await opened(context, person, "/dashboard/top-up");
    await buy(page);
    await page.goto(`${plan.url}/playground?model=${MODEL}`, { waitUntil: "networkidle" });
    await page.getByLabel("Message").fill("A canary that nobody keeps");
    await page.getByText(/^About .* at most/).waitFor();
    check((await page.locator("#code").textContent()).includes(MODEL), "the code names the model");
    await page.getByRole("button", { name: "Send" }).click();
    await page.getByText(/credits charged/).waitFor();
    await page.getByRole("link", { name: "Bill" }).first().waitFor();
    equal(await page.locator(".talk li").count(), 2, "what was said");
    check(!page.url().includes("canary"), "nothing of it is in the address");
    const stored = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }));
    check(!stored.includes("canary") && !stored.includes("oc_sk_"), "nothing of it is stored");
    const keys = async () => (await call("GET", "/v1/keys", { token: person.token })).body.data;
    equal((await keys()).map((key) => key.name), ["playground"], "its key");
    await page.getByRole("link", { name: "Transactions" }).click();
    await page.waitForURL(/\/dashboard\/transactions/);
    await until("the end of the key", async () => (await keys()).length === 0);
    equal(watched.errors, [], "errors");
  });
}

/** Everything about a person is downloaded; the account is deleted later, unless they keep it by the page or by the mail. */
async function leaving() {
  await withBrowser(async (context, watched) => {
    const person = await signedIn();
    const page = await opened(context, person, "/dashboard/account");
    const confirm = async (name, count) => {
      const button = page.getByRole("button", { name, exact: true });
      await button.click();
      const form = page.locator("form", { has: page.getByRole("button", { name, exact: true }) });
      await form.getByLabel("Code", { exact: true }).fill(await mailedCode(person.address, count));
      await form.getByRole("button", { name, exact: true }).last().click();
    };
    const [archive] = await Promise.all([page.waitForEvent("download"), confirm("Download my data", 2)]);
    const bytes = readFileSync(await archive.path());
    check(bytes.subarray(0, 2).toString() === "PK" && bytes.includes("README.txt"), "it is an archive");
    await confirm("Delete my account", 3);
    await page.getByText(/Your account is deleted on/).waitFor();
    await page.getByRole("button", { name: "Keep my account" }).click();
    await page.getByRole("button", { name: "Delete my account" }).waitFor();
    await confirm("Delete my account", 4);
    await page.getByText(/Your account is deleted on/).waitFor();
    const link = await until("the mail with the link", () => {
      const texts = mails(person.address).map((mail) => mail.text.match(/https?:\S+\/account\/deletion#\S+/)?.[0]).filter(Boolean);
      return texts.length >= 2 && texts.at(-1);
    });
    await page.goto(`${plan.url}/models`);
    await page.goto(link);
    await page.getByRole("button", { name: "Keep my account" }).click();
    await page.getByText("Your account stays. Your keys work again.").waitFor();
    check(!page.url().includes("#"), "the secret has left the address bar");
    equal((await call("GET", "/v1/account/deletion", { token: person.token })).body.scheduled, false, "scheduled");
    equal(await context.cookies(), [], "cookies");
    equal(watched.errors, [], "errors");
  }, { acceptDownloads: true });
}

export const cells = [
  ["a person buys, makes a key, sends a request and sees its bill", fromPurchaseToBill],
  ["the playground charges, shows the cost and keeps nothing", playground],
  ["a person takes their data along, and keeps the account by the page and by the mail", leaving],
];
