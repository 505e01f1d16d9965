// The first hour of somebody new, from an empty data folder: `dev` as README.md says, a purchase, a partner by the portal, and
// examples/partner-app as its README.md says, in each mode, up to the bill and the commission.

import { join } from "node:path";
import { frameOf, payOn, signUp, step } from "../checkout.mjs";
import { check, equal, freshAddress, picture, plan, serve, withBrowser } from "../common.mjs";
import { started } from "../service.mjs";

const MODES = ["embedded", "new_tab", "manual"];
/** It is a dozen scenarios in one. */
const WALK_MS = 600_000;

/**
 * Signs in on the service's own page, from its first page. Who is new agrees to the terms. Where storage of frames is not
 * partitioned, which Playwright switches off, the checkout has signed in already.
 */
async function enter(page, service, address, count = 1) {
  await page.goto(service.url, { waitUntil: "networkidle" });
  const link = (name) => page.getByRole("main").getByRole("link", { name }).first();
  if (await link("Go to your dashboard").isVisible()) {
    await link("Go to your dashboard").click();
    await page.waitForURL(/\/dashboard/);
    return;
  }
  await link("Sign in").click();
  await page.getByLabel("Email address").fill(address);
  await page.getByRole("button", { name: "Mail me a code" }).click();
  await page.getByLabel("Code", { exact: true }).fill(await service.codeOf(address, count));
  if (count === 1) {
    await page.getByLabel(/agree to the/).check();
    await page.getByLabel(/16 or older/).check();
    await page.getByRole("button", { name: "Agree and sign in" }).click();
  }
  await page.waitForURL(/\/dashboard/);
  await page.locator("main [data-balance]").first().waitFor({ state: "attached" });
}

async function person(body) {
  await withBrowser(async (context, watched) => {
    await body(context.pages()[0] ?? (await context.newPage()), context);
    equal(watched.errors, [], "errors");
  });
}

/** Three links and two buttons from the sign-in to credits. */
async function buysCredits(service) {
  await person(async (page) => {
    await enter(page, service, freshAddress("ada"));
    await picture(page, "walk-1-dashboard");
    await page.getByRole("link", { name: "Top up" }).click();
    await page.getByRole("button", { name: /^Pay / }).click();
    await page.waitForURL(/\/sandbox\/checkout\//);
    await picture(page, "walk-2-sandbox-checkout");
    await page.getByRole("button", { name: "Pay", exact: true }).click();
    await page.getByText("You bought").first().waitFor();
    await page.locator(".who .balance", { hasText: "2,500" }).waitFor();
    await picture(page, "walk-3-bought");
  });
}

/** Applies in the portal; the operator approves; the address and the publishable key, as the portal shows it. */
async function becomesPartner(service) {
  const address = freshAddress("grace");
  let key;
  await person(async (page) => {
    await enter(page, service, address);
    await page.getByText("Account", { exact: true }).click();
    await page.getByRole("link", { name: "Partner portal" }).click();
    await page.getByLabel("Name of the app").fill("Example app");
    await page.getByLabel("Page of the app").fill("https://app.example");
    await page.getByRole("button", { name: "Send the application" }).click();
    await page.locator("#sent[open]").waitFor();
    await picture(page, "walk-4-applied");
    await page.getByRole("button", { name: "See your application" }).click();
    await page.getByText("has not decided on Example app").waitFor();
    const [application] = JSON.parse(service.admin("partner", "applications")).applications;
    service.admin("partner", "approve", application.id);
    await page.reload();
    await page.getByRole("link", { name: "Keys", exact: true }).click();
    key = await page.locator(".key code").first().textContent();
    check(/^oc_pk_(?!test_)/.test(key), key);
    await picture(page, "walk-5-partner-keys");
  });
  return { address, key };
}

/** Pays where the mode opens the payment page: in a tab of the frame, of the SDK, or of the app. */
async function pays(context, frame, mode) {
  const opened = context.waitForEvent("page");
  await frame.locator("#pay").click();
  if (mode === "manual") {
    await step(frame, "waiting");
    await frame.getByRole("link", { name: "Open the payment page" }).click();
  }
  const tab = await opened;
  await tab.waitForURL(/\/sandbox\/checkout\//);
  await payOn(tab);
}

/** Somebody new connects the app, buys in it, chats, and reads the bill of the answer on the dashboard. */
async function usesApp(service, site, key, mode) {
  await person(async (page, context) => {
    await page.goto(`${site.origin}/?service=${service.url}&key=${key}${mode === "embedded" ? "" : `&mode=${mode}`}`);
    await page.getByLabel("Model").selectOption("sandbox/gpt");
    await page.getByRole("button", { name: "Buy credits" }).click();
    const frame = await frameOf(page, service.url);
    const address = await signUp(frame, freshAddress("buyer"), service.codeOf);
    await picture(page, `walk-6-${mode}-amount`);
    await pays(context, frame, mode);
    await step(frame, "account");
    await picture(page, `walk-7-${mode}-paid`);
    await frame.getByRole("button", { name: "Close" }).click();
    await page.getByText("2,500 credits", { exact: true }).waitFor();
    await page.getByLabel("Your question").fill("sandbox:echo The sea is wide.");
    await page.getByRole("button", { name: "Send" }).click();
    await page.getByText("credits charged").waitFor();
    const charged = (await page.locator("#log small").textContent()).trim().split(" ")[0];
    await picture(page, `walk-8-${mode}-answer`);
    await enter(page, service, address, 2);
    await page.locator("table.requests tbody th a").first().click();
    await page.waitForURL(/\/dashboard\/requests\/gen_/);
    await page.getByText("Commission of the app, 50% of the markup").waitFor();
    await page.getByRole("link", { name: "Example app" }).first().waitFor();
    await page.getByText(`${charged} credits`, { exact: true }).waitFor();
    await picture(page, `walk-9-${mode}-bill`);
  });
}

/** What the portal says was earned this month. */
async function earned(service, address) {
  let text;
  await person(async (page) => {
    await enter(page, service, address, 2);
    await page.getByText("Account", { exact: true }).click();
    await page.getByRole("link", { name: "Partner portal" }).click();
    text = await page.locator(".headline .figure").first().getAttribute("title");
    await picture(page, "walk-10-commission");
  });
  return text;
}

/** All of it with one service: what one person does is what another one sees. */
async function everything() {
  const service = await started();
  const site = await serve({ folder: join(plan.root, "examples/partner-app") });
  try {
    await buysCredits(service);
    const partner = await becomesPartner(service);
    for (const mode of MODES) await usesApp(service, site, partner.key, mode);
    const commission = await earned(service, partner.address);
    check(/[1-9]/.test(commission), `the commission of three requests: ${commission}`);
    return commission;
  } finally {
    site.close();
    await service.stop();
  }
}

export const cells = [["somebody new buys, becomes a partner, and sees bill and commission of the example app in each mode", everything, WALK_MS]];
