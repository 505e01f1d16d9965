// The checkout in a partner's page of another site: the three modes, with and without storage, and pages that may not show it.

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { axe, isTooWide } from "../looks.mjs";
import { frameOf, payOn, signUp, step } from "../checkout.mjs";
import { call, check, equal, picture, plan, serve, until, withBrowser } from "../common.mjs";
import { withPasskey } from "../passkeys.mjs";

const MODES = ["embedded", "new_tab", "manual"];
const EVENTS = ["checkout_opened", "login_completed", "purchase_completed", "account_details_shown", "account_details_dismissed"];

/** A page that keeps every message and every callback. */
const page = (key, mode, sdk = plan.url) => `<!doctype html><html lang="en"><title>Partner</title><main><h1>Partner</h1>
<button id="buy">Buy</button></main><script src="${sdk}/assets/sdk.js"></script><script>
  window.heard = [];
  window.said = [];
  addEventListener("message", (event) => said.push([event.origin, event.data]));
  const note = (name) => (detail) => heard.push([name, detail]);
  OpenCredits.init({
    publishableKey: ${JSON.stringify(key)}, checkoutMode: ${JSON.stringify(mode)},
    onCheckoutOpened: note("onCheckoutOpened"), onPurchaseCompleted: note("onPurchaseCompleted"), onComplete: note("onComplete"),
    onPurchaseError: note("onPurchaseError"), onLoginCompleted: note("onLoginCompleted"), onLoggedOut: note("onLoggedOut"),
    onCopyUrl: note("onCopyUrl"), onOpenUrl: note("onOpenUrl"), onAccountDetailsShown: note("onAccountDetailsShown"),
    onAccountDetailsDismissed: note("onAccountDetailsDismissed"),
  });
  buy.onclick = () => OpenCredits.open({ model: "sandbox/gpt" });
</script></html>`;

async function withPartner({ key = plan.keys.listed, mode = "embedded", html, port = plan.partnerPort, ...options }, body) {
  const site = await serve({ pages: { "/": html ?? page(key, mode) }, port });
  try {
    return await withBrowser(async (context, watched) => {
      const tab = context.pages()[0] ?? (await context.newPage());
      await tab.goto(`${site.origin}/`);
      return body({ tab, context, watched, site: site.origin });
    }, options);
  } finally {
    site.close();
  }
}

const heard = (tab) => tab.evaluate("heard.map(([name]) => name)");
const detail = (tab, name) => tab.evaluate((name) => heard.find(([heard]) => heard === name)?.[1], name);
const balanceOf = async (key) => (await call("GET", "/v1/credits/balance", { token: key })).body.balance;

/** Runs in the frame. */
function storageThrows() {
  try {
    return localStorage.length < 0;
  } catch {
    return true;
  }
}

/** Buys credits for 25 dollars in one mode, and ends with the overlay closed and the balance changed. */
async function buy(mode, options = {}) {
  await withPartner({ mode, ...options }, async ({ tab, context, watched, site }) => {
    await tab.click("#buy");
    const frame = await frameOf(tab);
    equal(await frame.evaluate(storageThrows), options.blocksThirdParties === true, "whether storage throws in the frame");
    await signUp(frame);
    const userKey = await until("the user key", () => tab.evaluate("OpenCredits.getUserKey()"));
    equal((await detail(tab, "onLoginCompleted")).user_key, userKey, "the key of the sign-in");
    equal(await balanceOf(userKey), 0, "the balance before");
    await frame.getByText("$25.00").first().click();
    check((await frame.locator("[data-buys]").textContent()).includes("sandbox/gpt"), "what it buys");
    await pay({ tab, context, frame, mode, userKey });
    await step(frame, "account");
    const bought = await until("the purchase", () => detail(tab, "onPurchaseCompleted"));
    equal([bought.user_key, bought.balance, bought.credits_added, bought.can_close], [userKey, 2500, 2500, false], "the purchase");
    equal(await balanceOf(userKey), 2500, "the balance after");
    check((await frame.locator("#bought").textContent()).includes("2,500 credits"), "what was bought");
    check(!(await heard(tab)).includes("onComplete"), "it is not complete before the person has seen it");
    await frame.getByRole("button", { name: "Close" }).click();
    await until("the end", async () => (await heard(tab)).includes("onComplete"));
    equal(await tab.locator("dialog").count(), 0, "overlays");
    const origins = await tab.evaluate("[...new Set(said.map(([origin]) => origin))]");
    equal(origins, [new URL(plan.url).origin], "who spoke");
    const events = await tab.evaluate("said.map(([, message]) => message.event)");
    for (const event of EVENTS) check(events.includes(event), `there is no ${event} among ${events}`);
    equal(watched.errors, [], "errors");
    const foreign = watched.requests.filter((url) => ![plan.url, site, "data:", "about:"].some((start) => url.startsWith(start)));
    equal(foreign, [], "requests to others");
    equal(await context.cookies(), [], "cookies");
  });
}

async function pay({ tab, context, frame, mode, userKey }) {
  const button = frame.locator("#pay");
  if (mode === "manual") {
    await button.click();
    await step(frame, "waiting");
    await frame.getByRole("button", { name: "Copy link" }).click();
    await frame.getByRole("link", { name: "Open the payment page" }).click();
    const opened = await until("the link to open", () => detail(tab, "onOpenUrl"));
    equal((await detail(tab, "onCopyUrl")).url, opened.url, "the link to copy");
    equal(context.pages().length, 1, "tabs that the frame opened");
    const own = await context.newPage();
    await own.goto(opened.url);
    await payOn(own);
    return;
  }
  const [popup] = await Promise.all([context.waitForEvent("page"), button.click()]);
  await popup.waitForURL(/\/sandbox\/checkout\//);
  equal(await popup.evaluate("window.opener"), null, "the payment page cannot reach back");
  await step(frame, "waiting");
  const told = await until("the opened checkout", () => detail(tab, "onCheckoutOpened"));
  equal([told.user_key, told.checkout_url], [userKey, popup.url()], "the opened checkout");
  await payOn(popup);
}

/** A person who has a key already buys without signing in again; a declined payment charges nothing. */
async function knownKey() {
  const key = await personWithKey();
  const html = page(plan.keys.listed, "embedded").replace("publishableKey:", `userKey: ${JSON.stringify(key)}, publishableKey:`);
  await withPartner({ html }, async ({ tab, context }) => {
    await tab.click("#buy");
    const frame = await frameOf(tab);
    await step(frame, "amount");
    await frame.getByLabel("Another amount").fill("7");
    await until("the price", async () => (await frame.locator("[data-total]").textContent()) === "$7.00");
    equal(await frame.locator("[data-credits]").textContent(), "700 credits", "what it gives");
    await frame.getByLabel("Another amount").fill("1");
    await until("the bound", async () => (await frame.locator("#f-amount-error").textContent()).includes("$5.00"));
    check(await frame.locator("#pay").isDisabled(), "an amount out of bounds can be paid");
    await frame.getByLabel("Another amount").fill("7");
    await until("the price again", async () => frame.locator("#pay").isEnabled());
    const [popup] = await Promise.all([context.waitForEvent("page"), frame.locator("#pay").click()]);
    await popup.waitForURL(/\/sandbox\/checkout\//);
    await popup.getByRole("button", { name: "Let the bank decline" }).click();
    await popup.waitForURL(/\/embed\/cancelled/);
    equal(await balanceOf(key), 0, "the balance");
    await step(frame, "amount");
    check((await frame.locator("#failure").textContent()).includes("nothing was charged"), "it says that nothing was charged");
    await until("the error", async () => (await heard(tab)).includes("onPurchaseError"));
    await frame.getByRole("button", { name: "Account" }).click();
    await step(frame, "account");
    await frame.getByRole("button", { name: "Sign out" }).click();
    await step(frame, "email");
    await until("the key is forgotten", async () => (await tab.evaluate("OpenCredits.getUserKey()")) === null);
    check((await heard(tab)).includes("onLoggedOut"), "the page is not told");
  });
}

/** A key of a person whose address is known, made by the operator. */
async function personWithKey() {
  const admin = (...rest) => {
    const [program, ...first] = plan.admin;
    const ran = spawnSync(program, [...first, ...rest], { encoding: "utf8" });
    check(ran.status === 0, `opencredits-admin ${rest.join(" ")}: ${ran.stderr}`);
    return JSON.parse(ran.stdout);
  };
  const name = `known-${Date.now()}`;
  admin("user", "add", name, "--email", `${name}@example.org`);
  return admin("key", "add", name, "--partner", "Acme Editor").key;
}

/** Opens the checkout in a tab with an authenticator that has a person's passkey, and gives that person. */
async function withPasskeyFrame(options, body) {
  await withPartner(options, async (stage) => {
    const { tab, site } = stage;
    await tab.goto(`${plan.url}/sign-in`);
    const person = await withPasskey(tab);
    await tab.goto(`${site}/`);
    await tab.click("#buy");
    const frame = await frameOf(tab);
    await step(frame, "email");
    await body({ ...stage, frame, person });
  });
}

/** From a page of another origin, with storage of third parties or without. */
async function passkey(options = {}) {
  await withPasskeyFrame(options, async ({ tab, frame, person, watched, context }) => {
    await frame.getByRole("button", { name: "Use a passkey" }).click();
    await step(frame, "connect");
    check((await frame.locator('[data-step="connect"]').textContent()).includes(person.address), "who is signed in");
    await frame.locator("#cap-connect").selectOption("25");
    await frame.getByRole("button", { name: "Connect Acme Editor" }).click();
    await step(frame, "amount");
    const userKey = await until("the user key", () => tab.evaluate("OpenCredits.getUserKey()"));
    equal((await call("GET", "/v1/apps", { token: person.token })).body.data.map((app) => Number(app.cap_usd)), [25], "its limit");
    const [popup] = await Promise.all([context.waitForEvent("page"), frame.locator("#pay").click()]);
    await popup.waitForURL(/\/sandbox\/checkout\//);
    await payOn(popup);
    await step(frame, "account");
    equal(await balanceOf(userKey), 2500, "the balance after");
    equal(watched.errors, [], "errors");
  });
}

/** Where the page forbids passkeys the frame says so; where no passkey is used it says why that may be. Both leave the code. */
async function withoutPasskey() {
  const plain = page(plan.keys.listed, "embedded").replace("</html>", `<script>
    Object.defineProperty(HTMLIFrameElement.prototype, "allow", { set() {} });
  </script></html>`);
  await withPasskeyFrame({ html: plain }, async ({ tab, frame, watched }) => {
    equal(await frame.getByRole("button", { name: "Use a passkey" }).count(), 0, "buttons for a passkey");
    check(await frame.locator("#no-passkey").isVisible(), "it does not say why there is none");
    await picture(tab, "checkout-no-passkey");
    // Browsers that do not tell refuse when they are asked.
    await frame.evaluate("document.querySelector('#passkey').hidden = false");
    await frame.getByRole("button", { name: "Use a passkey" }).click();
    await frame.getByRole("alert").getByText(/^No passkey was used/).waitFor();
    check(await frame.getByRole("button", { name: "Send code" }).isEnabled(), "a code cannot be asked for");
    equal(watched.errors.filter((error) => !error.includes("publickey-credentials-get")), [], "errors");
    await signUp(frame);
  });
}

/** The frame at its own size and on a small phone, in both themes, at each step that needs no account. */
async function looks() {
  for (const colorScheme of ["light", "dark"]) {
    for (const width of [320, 420]) {
      await withPartner({ colorScheme, reducedMotion: "reduce" }, async ({ tab, watched }) => {
        await tab.setViewportSize({ width, height: 620 });
        await tab.click("#buy");
        const frame = await frameOf(tab);
        const look = async (name) => {
          await tab.waitForTimeout(200);
          await picture(tab, `checkout-${name}-${width}-${colorScheme}`);
          equal(await axe(frame), [], `${name}: axe-core`);
          check(!(await isTooWide(frame)), `${name}: it scrolls sideways`);
        };
        await step(frame, "email");
        await look("email");
        await signUp(frame);
        await look("amount");
        await frame.getByRole("button", { name: "Account" }).click();
        await step(frame, "account");
        await look("account");
        equal(watched.errors, [], "errors");
      });
    }
  }
}

// Attacks

/** Whether a browser shows the frame on a page that embeds this path. */
async function isShown(path, host) {
  const html = `<!doctype html><title>x</title><iframe src="${plan.url}${path}"></iframe>`;
  const site = await serve({ pages: { "/": html }, host });
  try {
    return await withBrowser(async (context) => {
      const tab = context.pages()[0] ?? (await context.newPage());
      await tab.goto(`${site.origin}/`, { waitUntil: "load" });
      const frame = tab.frames()[1];
      return (await frame.locator("[data-step]").count().catch(() => 0)) > 0;
    });
  } finally {
    site.close();
  }
}

async function framing() {
  const check = async (path, host, expected) => equal(await isShown(path, host), expected, `${path} framed by ${host}`);
  const [listed, unlisted, elsewhere] = [plan.keys.listed, plan.keys.unlisted, plan.keys.elsewhere].map((key) => `/embed/checkout.html?pk=${key}`);
  // This site's port is not that of the registered origin.
  await check(listed, "127.0.0.1", false);
  await check(elsewhere, "127.0.0.1", false);
  await check("/embed/checkout.html?pk=oc_pk_unknown", "127.0.0.1", false);
  await check(unlisted, "127.0.0.1", true);
  await check("/embed/checkout", "127.0.0.1", true);
  await check("/", "127.0.0.1", false);
  await check("/embed/paid", "127.0.0.1", false);
  const policies = [
    [listed, `'self' ${plan.partnerSite}`],
    [elsewhere, "'self' https://elsewhere.example"],
    ["/embed/checkout.html?pk=oc_pk_unknown", "'self'"],
  ];
  for (const [path, expected] of policies) {
    const policy = (await fetch(plan.url + path)).headers.get("content-security-policy");
    equal(policy.split("frame-ancestors ")[1], expected, path);
  }
}

/** A page that may frame the checkout names the key of another partner, and gets nothing. */
async function foreignKey() {
  const stranger = `<!doctype html><title>x</title><iframe id="frame" src="${plan.url}/embed/checkout.html"></iframe><script>
    window.said = [];
    addEventListener("message", (event) => {
      said.push(event.data);
      if (event.data.event !== "ready") return;
      frame.contentWindow.postMessage({ source: "opencredits_init", publishable_key: "${plan.keys.listed}", user_key: "oc_sk_x" }, "*");
    });
  </script>`;
  const site = await serve({ pages: { "/": stranger } });
  await withBrowser(async (context) => {
    const tab = context.pages()[0] ?? (await context.newPage());
    await tab.goto(`${site.origin}/`);
    const frame = await frameOf(tab);
    await step(frame, "refused");
    check((await frame.locator("#refused").textContent()).includes(site.origin), "it says which origin is not registered");
    equal(await tab.evaluate("said.map((message) => message.event)"), ["ready"], "what the page was told");
  });
  site.close();
}

/** A window that is not the parent sends an init message to the frame; only the parent is heard. */
async function foreignWindow() {
  await withPartner({ html: `<!doctype html><title>x</title><iframe id="frame" src="${plan.url}/embed/checkout.html?pk=${plan.keys.listed}"></iframe>` }, async ({ tab, context, site }) => {
    const frame = await frameOf(tab);
    await frame.waitForFunction("document.querySelector('[data-step=loading]') !== null");
    // A popup of the same partner's site is a foreign window, too: it may reach the frame through its opener.
    const [popup] = await Promise.all([context.waitForEvent("page"), tab.evaluate((url) => void window.open(url), `${site}/?popup`)]);
    await popup.waitForLoadState();
    const init = { source: "opencredits_init", publishable_key: plan.keys.listed };
    await popup.evaluate((init) => opener.frames[0].postMessage(init, "*"), init);
    await tab.waitForTimeout(500);
    equal(await frame.locator("[data-step]:visible").getAttribute("data-step"), "loading", "the step after a foreign message");
    await tab.evaluate((init) => frames[0].postMessage(init, "*"), init);
    await step(frame, "email");
  });
}

/** An app written for the hosted service names its key in the first message only. */
async function withoutQuery() {
  const html = page(plan.keys.listed, "embedded").replace("</html>", `<script>
    const proto = HTMLIFrameElement.prototype, own = Object.getOwnPropertyDescriptor(proto, "src");
    Object.defineProperty(proto, "src", { ...own, set(url) { own.set.call(this, url.split("?")[0]); } });
  </script></html>`);
  await withPartner({ html }, async ({ tab }) => {
    await tab.click("#buy");
    const frame = await frameOf(tab);
    equal(frame.url(), `${plan.url}/embed/checkout.html`, "the URL");
    await step(frame, "email");
  });
}

async function exampleApp() {
  const site = await serve({ folder: join(plan.root, "examples/partner-app"), port: plan.partnerPort });
  try {
    await withBrowser(async (context, watched) => {
      const tab = context.pages()[0] ?? (await context.newPage());
      await tab.goto(`${site.origin}/?service=${plan.url}&key=${plan.keys.listed}`);
      await tab.getByText("Not connected").waitFor();
      await tab.getByLabel("Model").selectOption("sandbox/gpt");
      await tab.getByRole("button", { name: "Buy credits" }).click();
      const frame = await frameOf(tab);
      await signUp(frame);
      const [popup] = await Promise.all([context.waitForEvent("page"), frame.locator("#pay").click()]);
      await popup.waitForURL(/\/sandbox\/checkout\//);
      await payOn(popup);
      await step(frame, "account");
      await frame.getByRole("button", { name: "Close" }).click();
      await tab.getByText("2,500 credits", { exact: true }).waitFor();
      await tab.getByLabel("Your question").fill("sandbox:echo The sea is wide.");
      await tab.getByRole("button", { name: "Send" }).click();
      await tab.getByText("credits charged").waitFor();
      check((await tab.locator("#log").textContent()).includes("The sea is wide."), "the answer");
      await until("the balance falls", async () => (await tab.locator("#balance").textContent()) !== "2,500 credits");
      await picture(tab, "example-app");
      equal(watched.errors, [], "errors");
    });
  } finally {
    site.close();
  }
}

export const cells = [
  ...MODES.map((mode) => [`a person signs in and buys in the mode ${mode}`, () => buy(mode)]),
  ...MODES.map((mode) => [`the same with third-party storage blocked, ${mode}`, () => buy(mode, { blocksThirdParties: true })]),
  ["a person with a key buys without signing in, and signs out", knownKey],
  ["the frame fits, in both themes, and axe-core finds nothing serious", looks],
  ["a person signs in with a passkey within the frame", () => passkey()],
  ["the same with third-party storage blocked, by a passkey", () => passkey({ blocksThirdParties: true })],
  ["a page that forbids passkeys leaves the code, and says so", withoutPasskey],
  ["an app that names its key in the first message works", withoutQuery],
  ["the example app connects, buys and chats", exampleApp],
  ["attack: a site that is not registered cannot frame it", framing],
  ["attack: a page that names another partner's key gets nothing", foreignKey],
  ["attack: messages of windows that are not the parent are ignored", foreignWindow],
];
