// Signing in on the service's own page: by a code from the mailbox, and by a passkey of a virtual authenticator.

import { check, equal, freshAddress, mailedCode, mails, picture, plan, until, withBrowser } from "../common.mjs";
import { withPasskey } from "../passkeys.mjs";

const token = (page) => page.evaluate("localStorage.getItem('opencredits.session')");

async function firstPage(context, path) {
  const page = context.pages()[0] ?? (await context.newPage());
  await page.goto(plan.url + path);
  return page;
}

/** Signs a new person in on the page that is open. */
async function enter(page) {
  const address = freshAddress();
  await page.getByLabel("Email address").fill(address);
  await page.getByRole("button", { name: "Mail me a code" }).click();
  // The sixth digit sends it.
  await page.getByLabel("Code", { exact: true }).fill(await mailedCode(address));
  await page.getByLabel(/agree to the/).check();
  await page.getByLabel(/16 or older/).check();
  await page.getByRole("button", { name: "Agree and sign in" }).click();
}

async function byCode() {
  await withBrowser(async (context, watched) => {
    const page = await firstPage(context, "/sign-in");
    await enter(page);
    const session = await until("the session", () => token(page).catch(() => null));
    check(session.startsWith("oc_ses_"), "the session is in local storage");
    equal(await context.cookies(), [], "cookies");
    equal(watched.errors, [], "errors");
  });
}

/** A link to the sign-in page may name a page of ours to go to afterwards, and nothing else. */
async function goesToOurs() {
  const elsewhere = ["https://evil.example/", "//evil.example/", "/.//evil.example/", "/..//evil.example/", "/\\evil.example/", "javascript:alert(1)"];
  for (const to of ["/dashboard/keys", ...elsewhere]) {
    await withBrowser(async (context) => {
      await context.route("**://evil.example/**", (route) => route.fulfill({ body: "evil" }));
      const page = await firstPage(context, `/sign-in?to=${encodeURIComponent(to)}`);
      await enter(page);
      await page.waitForURL((url) => url.pathname !== "/sign-in");
      equal(new URL(page.url()).origin, new URL(plan.url).origin, `where ${to} leads`);
      if (to === "/dashboard/keys") equal(new URL(page.url()).pathname, to, "a page of ours");
    });
  }
}

async function byPasskey() {
  await withBrowser(async (context) => {
    const page = await firstPage(context, "/sign-in");
    const person = await withPasskey(page);
    await page.reload();
    await page.getByRole("button", { name: "Use a passkey" }).click();
    const session = await until("the session", () => token(page).catch(() => null));
    check(session !== person.token, "a sign-in makes a new session");
    const shown = await fetch(`${plan.url}/v1/auth/session`, { headers: { authorization: `Bearer ${session}` } });
    equal((await shown.json()).user.email, person.address, "who is signed in");
  });
}

/** A mailed link does nothing when a program opens it; its button signs in, once. */
async function byLink() {
  const address = freshAddress();
  await withBrowser(async (context, watched) => {
    const page = await firstPage(context, "/sign-in");
    await page.getByLabel("Email address").fill(address);
    await page.getByRole("button", { name: "Mail me a link" }).click();
    await page.getByText("We mailed a link to").waitFor();
    const find = () => mails(address).map((mail) => mail.text.match(/https?:\S+\/sign-in\/link#\S+/)?.[0]).find(Boolean);
    const link = await until("the mail with the link", find);
    equal((await fetch(link)).status, 200, "a program that looks at mails opens it");
    await page.goto(link, { waitUntil: "networkidle" });
    check(!page.url().includes("#"), "the secret has left the address bar");
    equal(await token(page), null, "nothing has happened yet");
    await picture(page, "sign-in-by-link");
    await page.getByRole("main").getByRole("button", { name: "Sign in" }).click();
    await page.getByLabel(/agree to the/).check();
    await page.getByLabel(/16 or older/).check();
    await page.getByRole("button", { name: "Agree and sign in" }).click();
    await page.waitForURL(/\/dashboard/);
    const session = await token(page);
    const shown = await fetch(`${plan.url}/v1/auth/session`, { headers: { authorization: `Bearer ${session}` } });
    equal((await shown.json()).user.email, address, "who is signed in");
    equal(watched.errors, [], "errors");
    await withBrowser(async (other) => {
      const again = await firstPage(other, new URL(link).pathname + new URL(link).hash);
      await again.getByRole("main").getByRole("button", { name: "Sign in" }).click();
      await again.getByRole("alert").waitFor();
      equal(await token(again), null, "the session of a link that was used");
    });
  });
}

export const cells = [
  ["a person signs in with a mailed link, which its button spends once", byLink],
  ["a person signs in with a code from the mailbox", byCode],
  ["a person signs in with a passkey", byPasskey],
  ["attack: signing in leads to no other site", goesToOurs],
];
