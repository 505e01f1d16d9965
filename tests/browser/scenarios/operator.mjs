// The operator's pages: who has the role finds a person and gives them credits; who has not finds nothing.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { call, check, equal, opened, plan, serve, withBrowser } from "../common.mjs";
import { lookAt } from "../looks.mjs";
import { who } from "../people.mjs";

const PAGES = ["", "/people", "/partners", "/orders", "/routes", "/prices", "/jobs", "/ledger", "/changes"];

/** Found by the address, given credits with a reason, seen by the person, and recorded. */
async function grant() {
  const operator = await who("operator");
  const { person, operatorId, personId } = operator;
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
  const operator = await who("operator");
  const { personId } = operator;
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
  const { person, personId } = await who("operator");
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

/** Where the decimal points of a column of a table are, in pixels. */
function points(table, column) {
  const cells = [...table.querySelectorAll(`tbody td:nth-child(${column})`)];
  return cells.map((cell) => {
    const texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const at = texts.currentNode.data.indexOf(".");
      if (at < 0) continue;
      const range = document.createRange();
      range.setStart(texts.currentNode, at);
      range.setEnd(texts.currentNode, at + 1);
      return Math.round(range.getBoundingClientRect().left);
    }
    return null;
  });
}

/** A book of the source with two other prices is compared before it is put into force, and its figures stand below each other. */
async function comparison() {
  const operator = await who("operator");
  const book = readFileSync(join(plan.root, "crates/catalog/data/pricebook.jsonl"), "utf8").trimEnd().split("\n");
  const at = book.findIndex((line) => JSON.parse(line).prices?.input !== undefined && JSON.parse(line).prices.output !== undefined);
  const model = JSON.parse(book[at]);
  const changed = { ...model, prices: { ...model.prices, input: "9.125", output: "71.5" } };
  const text = [...book.slice(0, at), JSON.stringify(changed), ...book.slice(at + 1)].join("\n");
  await withBrowser(async (context, watched) => {
    const page = await opened(context, operator, "/operator/prices?compare=1");
    await page.getByText(/^The source cannot be compared/).waitFor();
    const source = await serve({ pages: { "/book.jsonl": text }, port: plan.pricesPort });
    try {
      await page.goto(`${plan.url}/operator/prices`, { waitUntil: "networkidle" });
      await page.getByRole("link", { name: "Compare now" }).click();
      const table = page.getByRole("table", { name: /^List prices that change/ });
      await table.waitFor();
      const rows = await table.locator("tbody tr").allTextContents();
      check(rows.length >= 2 && rows.every((row) => row.includes(model.id)), `rows of ${model.id}: ${rows}`);
      for (const price of ["9.125", "71.50"]) check(rows.some((row) => row.includes(price)), `${price} in ${rows}`);
      for (const column of [4, 5, 6]) {
        const lefts = await table.evaluate(points, column);
        equal(new Set(lefts).size, 1, `points of column ${column}, in pixels: ${lefts}`);
      }
      const models = page.getByRole("table", { name: "Models on sale" });
      for (const column of [4, 5]) {
        const lefts = await models.evaluate(points, column);
        equal(new Set(lefts).size, 1, `points of the models' column ${column}, in pixels: ${lefts}`);
      }
      await page.getByRole("button", { name: "Put into force" }).waitFor();
      equal(watched.errors, [], "errors");
      return `${await lookAt({ name: "operator-prices-compared", path: "/operator/prices?compare=1", token: operator.token, ready: "main h1" })} looks`;
    } finally {
      source.close();
    }
  });
}

export const cells = [
  ["an operator finds a person and gives credits, which the person sees", grant],
  ["a secret is shown once, and a wrong act cannot be confirmed", secret],
  ["the book of the source is compared, and its figures are aligned", comparison],
  ["who has not the role finds nothing", nothing],
];
