// Tables that are sorted by their address: by mouse and by keyboard, and told to screen readers.

import { call, check, equal, plan, signedIn, withBrowser } from "../common.mjs";

const NAMES = ["beta", "Alpha", "gamma"];

const names = (page) => page.locator("tbody th a").allTextContents();
const sorted = (page, name) => page.locator("th", { hasText: name }).getAttribute("aria-sort");

/** Keys by name: rising, falling, and as a link that was kept. */
async function keys() {
  await withBrowser(async (context, watched) => {
    const person = await signedIn();
    for (const name of NAMES) equal((await call("POST", "/v1/keys", { token: person.token, body: { name } })).status, 201, name);
    const page = context.pages()[0] ?? (await context.newPage());
    await page.addInitScript((token) => localStorage.setItem("opencredits.session", token), person.token);
    await page.goto(`${plan.url}/dashboard/keys`, { waitUntil: "networkidle" });
    await page.locator("tbody th a").first().waitFor();
    equal(await names(page), NAMES, "the usual order is that of their creation");
    equal([await sorted(page, "Made"), await sorted(page, "Name")], ["ascending", null], "aria-sort");
    await page.getByRole("link", { name: "Name", exact: true }).focus();
    await page.keyboard.press("Enter");
    await page.waitForURL(/\?sort=name$/);
    await page.locator('th[aria-sort="ascending"]', { hasText: "Name" }).waitFor();
    equal(await names(page), ["Alpha", "beta", "gamma"], "by name");
    equal(await page.evaluate(() => document.activeElement.textContent), "Name", "the focus stays on the head");
    await page.keyboard.press("Enter");
    await page.waitForURL(/\?sort=-name$/);
    await page.locator('th[aria-sort="descending"]', { hasText: "Name" }).waitFor();
    await page.reload({ waitUntil: "networkidle" });
    await page.locator("tbody th a").first().waitFor();
    equal(await names(page), ["gamma", "beta", "Alpha"], "the address keeps the order");
    await page.getByRole("link", { name: "gamma" }).click();
    await page.waitForURL(/\/dashboard\/keys\/key_/);
    equal(await page.evaluate(() => document.activeElement.tagName), "H1", "the focus goes to the title of another page");
    equal(await page.locator('header nav [aria-current="true"]').textContent(), "Keys", "the header names the list of the page");
    equal(watched.errors, [], "errors");
  });
}

/** On a phone the heads are not seen: links above the cards sort. */
async function phone() {
  await withBrowser(async (context) => {
    const person = await signedIn();
    for (const name of NAMES) await call("POST", "/v1/keys", { token: person.token, body: { name } });
    const page = context.pages()[0] ?? (await context.newPage());
    await page.addInitScript((token) => localStorage.setItem("opencredits.session", token), person.token);
    await page.goto(`${plan.url}/dashboard/keys`, { waitUntil: "networkidle" });
    check(!(await page.locator("thead").isVisible()), "the heads are not seen");
    await page.getByRole("navigation", { name: "Sorted by" }).getByRole("link", { name: /^Name/ }).click();
    await page.waitForURL(/\?sort=name$/);
    await page.getByRole("link", { name: "Name rising" }).waitFor();
    equal(await names(page), ["Alpha", "beta", "gamma"], "by name");
  }, { viewport: { width: 360, height: 740 } });
}

export const cells = [
  ["keys are sorted by keyboard, and the address keeps it", keys],
  ["keys are sorted on a phone", phone],
];
