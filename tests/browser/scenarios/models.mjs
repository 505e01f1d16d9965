// The list of models: search, choice, order and calculator, each in the address; and the calculator of one model.

import { call, check, equal, firstPage, plan, until, withBrowser } from "../common.mjs";

/** What a million tokens of input costs in credits is a hundred times its price in dollars. */
const CREDITS_PER_DOLLAR = 100;

const names = (page) => page.locator("table.models tbody th a").evaluateAll((links) => links.map((link) => link.getAttribute("href").slice("/models/".length)));
const column = (page, label) => page.locator(`table.models td[data-label="${label}"]`).allTextContents();
const numbers = async (page, label) => (await column(page, label)).map((text) => Number(text.replace(/[^\d.]/g, "")));
const asked = (page, name) => new URL(page.url()).searchParams.get(name) ?? "";

async function list() {
  await withBrowser(async (context, watched) => {
    const page = await firstPage(context);
    await page.goto(`${plan.url}/models`, { waitUntil: "networkidle" });
    const all = await names(page);
    const onSale = (await call("GET", "/v1/models")).body.data.map((model) => model.id);
    equal([...all].sort(), [...onSale].sort(), "the models on sale");
    await page.getByLabel("Search").pressSequentially("claud");
    await until("the search", async () => (await names(page)).every((name) => name.includes("claud")) && asked(page, "q") === "claud");
    await page.reload({ waitUntil: "networkidle" });
    equal(await names(page), all.filter((name) => name.includes("claud")), "the address keeps the search");
    await page.getByLabel("Search").fill("there is no such model");
    await page.getByRole("heading", { name: "No model has this" }).waitFor();
    await page.getByRole("link", { name: "Show all models" }).click();
    await until("all models again", async () => (await names(page)).length === all.length);
    equal(watched.errors, [], "errors");
  });
}

/** By a click on its head a column is sorted, and by a second one the other way round; the focus stays. */
async function order() {
  await withBrowser(async (context, watched) => {
    const page = await firstPage(context);
    await page.goto(`${plan.url}/models`, { waitUntil: "networkidle" });
    const head = page.locator("th", { hasText: "Input $" });
    const seen = [];
    for (let click = 0; click < 2; click += 1) {
      await head.getByRole("link").click();
      await until("the order", async () => (await head.getAttribute("aria-sort")) !== (seen.at(-1)?.[0] ?? null) && asked(page, "sort") !== "");
      seen.push([await head.getAttribute("aria-sort"), await numbers(page, "Input $")]);
      equal(await page.evaluate(() => document.activeElement.textContent), "Input $", "the focus stays on the head");
    }
    for (const [state, prices] of seen) {
      const rising = prices.toSorted((a, b) => a - b);
      equal(prices, state === "ascending" ? rising : rising.toReversed(), `prices, ${state}`);
    }
    equal(seen.map(([state]) => state).sort(), ["ascending", "descending"], "both directions");
    equal(watched.errors, [], "errors");
  });
}

async function calculator() {
  await withBrowser(async (context, watched) => {
    const page = await firstPage(context);
    await page.goto(`${plan.url}/models`, { waitUntil: "networkidle" });
    const [prices, before] = [await numbers(page, "Input $"), await numbers(page, "Credits per request")];
    await page.getByLabel("Input tokens").fill("1000000");
    await page.getByLabel("Output tokens").fill("0");
    await until("the price", async () => asked(page, "output") === "0" && String(await numbers(page, "Credits per request")) !== String(before));
    const credits = await numbers(page, "Credits per request");
    equal(credits, prices.map((price) => Number((price * CREDITS_PER_DOLLAR).toFixed(2))), "a million tokens of input");
    const [first] = await names(page);
    await page.goto(`${plan.url}/models/${first}?input=1000000&output=0`, { waitUntil: "networkidle" });
    check((await page.locator("main").textContent()).includes(String(credits[0]).replace(/\B(?=(\d{3})+$)/, ",")), `${credits[0]} credits on the page of ${first}`);
    equal(watched.errors, [], "errors");
  });
}

export const cells = [
  ["models are searched, and the address keeps it", list],
  ["models are sorted both ways", order],
  ["the calculator says what a request costs", calculator],
];
