// The partner portal: a person applies, the operator approves, keys and origins are made, the checkout is previewed, and a
// request in the sandbox becomes commission.

import { frameOf, step } from "../checkout.mjs";
import { call, check, equal, opened, picture, plan, serve, signedIn, until, withBrowser } from "../common.mjs";
import { axe, isTooWide, SCHEMES, SIZES } from "../looks.mjs";
import { admin, ask, fresh, MODEL, runsPartner } from "../people.mjs";

const PAGES = ["", "/keys", "/statements", "/guide"];
/** Fills the form of an application and gives the test key that is shown. */
async function apply(page, name, origins = "") {
  await page.getByLabel("Name of the app").fill(name);
  await page.getByLabel("Page of the app").fill("https://editor.example");
  await page.getByLabel("Allowed origins").fill(origins);
  await page.getByRole("button", { name: "Send the application" }).click();
}

async function applied(page, name) {
  await apply(page, name);
  await page.locator("#sent[open]").waitFor();
  const key = await page.locator("#test-key").textContent();
  await page.getByRole("button", { name: "See your application" }).click();
  await page.getByText(`has not decided on ${name}`).waitFor();
  return key;
}

/** From the application to commission in test mode. */
async function fromApplicationToCommission() {
  await withBrowser(async (context, watched) => {
    const person = await signedIn();
    const page = await opened(context, person, "/dashboard");
    await page.getByText("Account", { exact: true }).click();
    await page.getByRole("link", { name: "Partner portal" }).click();
    await page.getByRole("heading", { name: "Partner portal" }).waitFor();
    check(await page.getByRole("navigation", { name: "Pages", exact: true }).getByRole("link", { name: "Guide" }).isVisible(), "the portal has its own navigation");
    const name = fresh("Acme");
    await apply(page, name, "https://a.example/path");
    await page.locator("#f-origins-error").getByText("“https://a.example/path”").waitFor();
    equal(await page.getByLabel("Name of the app").inputValue(), name, "what was typed stays");
    const testKey = await applied(page, name);
    check(testKey.startsWith("oc_sk_test_"), testKey);
    const { data } = (await call("GET", "/v1/partners", { token: person.token })).body;
    admin("partner", "approve", data[0].id);
    await page.goto(`${plan.url}/partner`, { waitUntil: "networkidle" });
    await page.getByText("Earned this month").waitFor();

    await page.getByRole("link", { name: "Keys" }).click();
    await page.getByText("New secret key").click();
    const form = page.locator("form", { has: page.getByRole("button", { name: "Make the secret key" }) });
    await form.getByLabel("Name").fill("billing");
    await form.getByRole("button").click();
    await page.locator("#made[open]").waitFor();
    const secret = await page.locator("#secret").textContent();
    equal((await call("GET", "/v1/partner", { token: secret })).body.name, name, "the secret key reads its figures");
    await page.getByRole("button", { name: "I have copied it" }).click();
    await page.getByRole("row", { name: /billing/ }).waitFor();
    check(!(await page.content()).includes(secret), "the key is shown once");
    await page.getByRole("button", { name: "Replace “billing”" }).click();
    await page.locator("dialog[open]").getByRole("button", { name: "Replace “billing”" }).click();
    await page.locator("#made[open]").waitFor();
    equal((await call("GET", "/v1/partner", { token: secret })).status, 401, "the replaced key");
    await page.keyboard.press("Escape");
    await page.getByRole("row", { name: /billing/ }).waitFor();

    await page.getByText("Change name, origins and redirect URLs").click();
    const edit = page.locator("form", { has: page.getByRole("button", { name: "Save", exact: true }) });
    await edit.getByLabel("Allowed origins").fill("http://app.example");
    await edit.getByRole("button").click();
    await edit.locator(".wrong:visible").getByText("“http://app.example” is not https").waitFor();
    await edit.getByLabel("Allowed origins").fill("https://app.example\nhttps://www.app.example");
    await edit.getByRole("button").click();
    await page.locator(".key .facts").getByText("https://www.app.example").waitFor();
    await page.getByText("Change name, origins and redirect URLs").click();
    await edit.getByLabel("Allowed origins").fill("");
    await edit.getByRole("button").click();
    await page.locator(".key .facts").getByText("pages on your own machine only").waitFor();

    await ask(testKey);
    await page.goto(`${plan.url}/partner?mode=test`, { waitUntil: "networkidle" });
    await page.getByRole("row", { name: new RegExp(MODEL) }).waitFor();
    const month = page.locator(".headline .figure").first();
    check(!/Exactly 0 credits/.test(await month.getAttribute("title")), "the commission of test mode");
    equal((await month.textContent()).trim().split(/\s/)[0], "<0.01", "little is not told as nothing");
    // The attempts that were refused.
    equal(watched.errors.filter((error) => !error.includes("status of 400")), [], "errors");
    equal(await context.cookies(), [], "cookies");
  });
}

/** The tab that `act` opens. */
async function opens(context, act) {
  const [tab] = await Promise.all([context.waitForEvent("page"), act()]);
  return tab;
}

/** The real frame in test mode, in each mode; a payment in it; and the key that ends with the page. */
async function preview() {
  await withBrowser(async (context, watched) => {
    const person = await runsPartner();
    const page = await opened(context, person, "/partner");
    await page.getByRole("link", { name: "Guide", exact: true }).click();
    await page.getByLabel("Amount", { exact: true }).fill("25");
    await page.getByRole("button", { name: "Show the checkout" }).click();
    const keys = async () => (await call("GET", `/v1/partners/${person.id}/test-keys`, { token: person.token })).body.data.map((key) => key.name);
    await step(await frameOf(page), "amount");
    equal((await keys()).includes("preview"), true, "its key");
    for (const mode of ["new_tab", "manual", "embedded"]) {
      await page.getByLabel("Mode", { exact: true }).selectOption(mode);
      const heard = page.locator("[data-events]");
      const before = await heard.locator("li").count();
      await page.getByRole("button", { name: "Show it again" }).click();
      await until("the frame anew", async () => (await heard.locator("li").count()) > before);
      const frame = await frameOf(page);
      await step(frame, "amount");
      const paying = frame.getByRole("button", { name: mode === "manual" ? /link/ : /^Pay / });
      // The person of test mode has no address, so the first attempt asks for one.
      await paying.click();
      await frame.getByLabel("Email address for the receipt").fill("developer@example.org");
      const tab = await opens(context, async () => {
        await paying.click();
        await step(frame, "waiting");
        if (mode === "manual") await frame.locator("#open-page").click();
      });
      await tab.waitForURL(/\/test\/checkout\//);
      if (mode !== "embedded") {
        await tab.close();
        continue;
      }
      await tab.getByRole("button", { name: "Pay", exact: true }).click();
      await tab.waitForURL(/\/embed\/paid/);
      await tab.close();
      await step(frame, "account");
    }
    const events = await page.locator("[data-events]").textContent();
    for (const event of ["ready", "checkout_opened", "open_url", "purchase_completed"]) check(events.includes(event), `${event}: ${events}`);
    check(!/oc_sk_test_\w{8}/.test(events), "no key is on the screen");
    await picture(page, "partner-guide-preview");
    await page.getByRole("link", { name: "Statements" }).click();
    await page.getByRole("heading", { name: "Statements" }).waitFor();
    await until("the end of the key", async () => !(await keys()).includes("preview"));
    equal(watched.errors.filter((error) => !error.includes("status of 400")), [], "errors");
  });
}

/** The snippets of the guide run as they are copied: the button on a page of one's own machine, and the terminal's request. */
async function snippets() {
  await withBrowser(async (context, watched) => {
    const person = await runsPartner();
    const page = await opened(context, person, "/partner/guide");
    const button = (await page.locator("#code-sdk").textContent()).replaceAll("$TEST_KEY", person.testKey);
    const request = await page.locator("#code-request").textContent();
    const device = await page.locator("#code-device").textContent();
    const site = await serve({ pages: { "/": `<!doctype html><html lang="en"><title>App</title>${button}</html>` } });
    try {
      const app = await context.newPage();
      await app.goto(`${site.origin}/`);
      await app.getByRole("button", { name: "Buy credits" }).click();
      const frame = await frameOf(app);
      await step(frame, "amount");
      const status = await app.evaluate(`(async () => { ${request}; return answer.status; })()`);
      equal(status, 200, "the request of the guide");
    } finally {
      site.close();
    }
    const [, url, body] = device.replaceAll("\\\n", "").match(/^curl (\S+)\s+-d (\S+)$/);
    const answer = await fetch(url, { method: "POST", headers: { "content-type": "application/x-www-form-urlencoded" }, body });
    equal(answer.status, 200, "the terminal's request");
    check((await answer.json()).user_code.length > 3, "it gets a code");
    equal(watched.errors, [], "errors");
  });
}

/** Who runs two partners stays with the one that they look at; and nobody sees another's. */
async function several() {
  await withBrowser(async (context) => {
    const person = await runsPartner(fresh("First"));
    const second = await call("POST", "/v1/partners/apply", { token: person.token, body: { name: fresh("Second"), url: "https://b.example" } });
    admin("partner", "approve", second.body.data.id);
    const page = await opened(context, person, `/partner?partner=${person.id}`);
    await page.getByRole("heading", { name: /^First/ }).waitFor();
    await page.getByRole("link", { name: "Keys" }).click();
    await page.waitForURL(new RegExp(`partner=${person.id}`));
    await page.getByRole("navigation", { name: "Your partners" }).getByRole("link", { name: /^Second/ }).click();
    await page.waitForURL(new RegExp(`partner=${second.body.data.id}`));
    const download = page.waitForEvent("download");
    await page.getByRole("link", { name: "Statements" }).click();
    await page.getByText("Export").first().click();
    await page.getByRole("button", { name: "CSV" }).first().click();
    equal((await download).suggestedFilename(), "statements.csv", "the file");
    const stranger = await signedIn();
    equal((await call("GET", `/v1/partners/${person.id}`, { token: stranger.token })).status, 404, "another's partner");
  }, { acceptDownloads: true });
}

/** A person with two partners, whose names are as long as names may be and have no place to break. */
async function wide() {
  const long = (n) => `${"long-name-without-a-place-to-break-it-".repeat(5)}${n}`.slice(-190);
  const person = await runsPartner(long(`${process.pid}-a`));
  const second = await call("POST", "/v1/partners/apply", { token: person.token, body: { name: long(`${process.pid}-b`), url: "https://b.example" } });
  admin("partner", "approve", second.body.data.id);
  for (const kind of ["keys", "publishable-keys", "test-keys"]) {
    const body = { name: long(kind), ...(kind === "publishable-keys" && { origins: [`https://${"sub-domain.".repeat(15)}example`] }) };
    equal((await call("POST", `/v1/partners/${person.id}/${kind}`, { token: person.token, body })).status, 201, kind);
  }
  return person;
}

/** Pages of a person at each size, in light and dark. */
async function lookAt(paths, person) {
  let count = 0;
  for (const colorScheme of SCHEMES) {
    await withBrowser(async (context, watched) => {
      for (const [name, path] of paths) {
        const page = await opened(context, person, path);
        for (const [size, viewport] of SIZES) {
          const where = `${path} ${size} ${colorScheme}`;
          await page.setViewportSize(viewport);
          await picture(page, `${name}-${size}-${colorScheme}`);
          check(!(await isTooWide(page)), `${where}: it scrolls sideways`);
          equal(await axe(page), [], `${where}: axe-core`);
          count += 1;
        }
      }
      equal(watched.errors, [], `${colorScheme}: errors`);
      const foreign = watched.requests.filter((url) => !url.startsWith(`${plan.url}/`) && !url.startsWith("data:"));
      equal(foreign, [], "requests to other origins");
    }, { colorScheme, reducedMotion: "reduce" });
  }
  return `${count} looks`;
}

const named = (prefix, query = "") => PAGES.map((path) => [`${prefix}${path.replace("/", "-")}`, `/partner${path}${query}`]);

async function longLooks() {
  const person = await wide();
  return lookAt(named("partner-long", `?partner=${person.id}`), person);
}

async function newLooks() {
  return lookAt([["partner-apply", "/partner"], ["partner-none", "/partner/keys"]], await signedIn());
}

export const cells = [
  ["a person applies, is approved, makes keys, changes origins, and a sandbox request is commission", fromApplicationToCommission],
  ["the checkout is previewed in each mode and paid in test mode", preview],
  ["the snippets of the guide run as they are copied", snippets],
  ["one of several partners is chosen and kept", several],
  ["each page bears long names", longLooks],
  ["who runs no partner sees pages that look right", newLooks],
];
