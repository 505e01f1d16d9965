// Texts of people, partners and models that try to be markup. They are shown as texts: no dialog opens, and no element appears.

import { frameOf, step } from "../checkout.mjs";
import { check, equal, firstPage, opened, plan, serve, signedIn, until, withBrowser } from "../common.mjs";
import { app, ask, bought, fresh, made, MODEL } from "../people.mjs";

/** Elements of it would have this attribute, and would open a dialog. */
const MARK = "data-canary";
const hostile = (id) => `"'><img ${MARK} src=x onerror=alert(${id})><script ${MARK}>alert(${id})</script>`;

/** Runs `body` in a browser, and fails where a dialog was opened or a text became an element, in any frame of any tab. */
async function unharmed(body) {
  await withBrowser(async (context, watched) => {
    const dialogs = [];
    context.on("dialog", (dialog) => (dialogs.push(dialog.message()), dialog.dismiss()));
    const look = async (what) => {
      for (const frame of context.pages().flatMap((page) => page.frames())) {
        equal(await frame.locator(`[${MARK}]`).count(), 0, `${what}: elements that a text became`);
      }
      equal(dialogs, [], `${what}: dialogs`);
    };
    await body(context, look);
    equal(watched.errors, [], "errors");
  });
}

/** What a model answers, and what a person asks, is text in the playground. */
async function model() {
  const person = await signedIn();
  await bought(person.token);
  await unharmed(async (context, look) => {
    const page = await opened(context, person, `/playground?model=${MODEL}`);
    await page.getByLabel("Message").fill(`sandbox:echo ${hostile(1)} [a](javascript:alert(1))`);
    await page.getByRole("button", { name: "Send" }).click();
    await page.getByText(/credits charged/).waitFor();
    const answer = page.locator(".talk li pre").last();
    check((await answer.textContent()).includes(hostile(1)), "the answer is shown as it came");
    equal(await answer.locator("*").count(), 0, "elements in the answer");
    await look("the playground");
  });
}

/** The name of a partner is text on the page of consent, in the checkout, and among the person's apps. */
async function partner() {
  const person = await signedIn();
  const { name, client } = app(fresh(hostile(2)));
  const site = await serve({ pages: { "/": `<!doctype html><title>x</title><script src="${plan.url}/assets/sdk.js"></script><script>
    addEventListener("load", () => { OpenCredits.init({ publishableKey: "${client}" }); OpenCredits.open(); });
  </script>` } });
  try {
    await unharmed(async (context, look) => {
      const path = `/connect?publishable_key=${client}&redirect_url=http://127.0.0.1:9/back`;
      const page = await opened(context, person, path);
      await page.locator("form.decide").waitFor();
      check((await page.locator("h1").textContent()).includes(name), "the page names the app as it is");
      await look("the page of consent");
      await made("/v1/apps", person.token, { publishable_key: client });
      await page.goto(`${plan.url}/dashboard/apps`, { waitUntil: "networkidle" });
      await page.getByRole("heading", { name }).waitFor();
      await page.getByRole("button", { name: `Disconnect ${name}` }).first().click();
      await look("the apps");
      const tab = await context.newPage();
      await tab.goto(`${site.origin}/`);
      const frame = await frameOf(tab);
      await step(frame, "connect");
      check((await frame.locator("body").textContent()).includes(name), "the checkout names the app as it is");
      await look("the checkout");
    });
  } finally {
    site.close();
  }
}

/** What a person calls a key is text wherever the key is named. */
async function key() {
  const person = await signedIn();
  await bought(person.token);
  const { key, data } = await made("/v1/keys", person.token, { name: hostile(3) });
  await ask(key);
  await unharmed(async (context, look) => {
    const page = await opened(context, person, "/dashboard/keys");
    for (const path of ["/dashboard/keys", `/dashboard/keys/${data.id}`, "/dashboard", "/dashboard/requests", "/dashboard/activity"]) {
      await until(`the name at ${path}`, async () => {
        await page.goto(plan.url + path, { waitUntil: "networkidle" });
        return (await page.locator("main").textContent()).includes(hostile(3));
      });
      await look(path);
    }
  });
}

/** What an address carries is text on pages that repeat it. */
async function query() {
  await unharmed(async (context, look) => {
    const page = await firstPage(context);
    const text = encodeURIComponent(hostile(4));
    for (const path of [`/models?q=${text}`, `/device?user_code=${text}`, `/sign-in?to=${text}`, `/account/deletion#${text}`]) {
      await page.goto(plan.url + path, { waitUntil: "networkidle" });
      await look(path);
    }
  });
}

export const cells = [
  ["attack: a model's answer is text", model],
  ["attack: a partner's name is text", partner],
  ["attack: a key's name is text", key],
  ["attack: an address is text", query],
];
