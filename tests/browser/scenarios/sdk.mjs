// The browser SDK against a service that says what the test wants: each event, and who is believed.

import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { axe, isTooWide } from "../looks.mjs";
import { check, equal, picture, plan, serve, until, withBrowser } from "../common.mjs";

const SDK = readFileSync(join(plan.root, "sdk/src/opencredits.js"));
const SDK_BYTES_MAX = 8_192;
const CALLBACKS = [
  "onCheckoutOpened", "onPurchaseCompleted", "onComplete", "onPurchaseError", "onError", "onLoginCompleted", "onLoggedOut",
  "onCopyUrl", "onOpenUrl", "onAccountDetailsShown", "onAccountDetailsDismissed",
];

const PACKAGE = join(plan.root, "sdk");
const MANIFEST = JSON.parse(readFileSync(join(PACKAGE, "package.json"), "utf8"));
const TYPES = readFileSync(join(PACKAGE, MANIFEST.types), "utf8");

/** A page that loads the SDK from the service; what the callbacks get is in `window.heard`. */
const page = (service) => `<!doctype html><html lang="en"><title>App</title><main><h1>App</h1><button id="buy">Buy</button></main>
<script src="${service}/assets/sdk.js"></script>
<script>
  window.heard = [];
  window.start = (options) => {
    const callbacks = Object.fromEntries(${JSON.stringify(CALLBACKS)}.map((name) => [name, (detail) => heard.push([name, detail])]));
    OpenCredits.init({ publishableKey: "oc_pk_1", ...callbacks, ...options });
  };
</script></html>`;

/** The frame of the service: it keeps what it hears, and says what it is told to. */
const FRAME = `<!doctype html><html lang="en"><title>Frame</title><main><h1>Frame</h1></main><script>
  window.heard = [];
  addEventListener("message", (event) => heard.push([event.data, event.origin]));
  window.say = (event, fields) => parent.postMessage({ source: "opencredits", event, ...fields }, "*");
</script></html>`;

/** Runs `body(page, frame())` with the SDK on a page of one origin and the service at another. */
async function withSdk(body, options = {}) {
  const service = await serve({
    pages: { "/assets/sdk.js": SDK, "/embed/checkout.html": FRAME, "/other.html": FRAME },
    host: "localhost",
    headers: {},
  });
  const site = await serve({ pages: { "/": page(service.origin) }, headers: options.headers ?? {} });
  try {
    await withBrowser(async (context, watched) => {
      const tab = context.pages()[0] ?? (await context.newPage());
      if (options.script) await tab.addInitScript(options.script);
      await tab.goto(`${site.origin}/`);
      const frame = async () => {
        const found = await until("the frame", () => tab.frames().find((one) => one.url().includes("/embed/checkout.html")));
        await found.waitForFunction("typeof say === 'function'");
        return found;
      };
      await body({ tab, frame, service: service.origin, site: site.origin, context, watched });
    }, options);
  } finally {
    service.close();
    site.close();
  }
}

const opened = async ({ tab, frame }, options = {}, open = {}) => {
  await tab.evaluate(([options, open]) => (start(options), OpenCredits.open(open)), [options, open]);
  return frame();
};
const heard = (tab) => tab.evaluate("heard.map(([name]) => name)");
const isOpen = async (tab) => (await tab.locator("dialog").count()) > 0;

const EVENTS = [
  ["checkout_opened", { user_key: "oc_sk_1", checkout_url: "https://pay.example/1" }, ["onCheckoutOpened"], "oc_sk_1"],
  ["purchase_completed", { user_key: "oc_sk_2", balance: 10, credits_added: 5, can_close: false }, ["onPurchaseCompleted"], "oc_sk_2"],
  ["purchase_completed", { user_key: "oc_sk_2", balance: 10, credits_added: 5, can_close: true }, ["onPurchaseCompleted", "onComplete"], "oc_sk_2"],
  ["purchase_error", { message: "no" }, ["onPurchaseError", "onError"], null],
  ["login_completed", { user_key: "oc_sk_3" }, ["onLoginCompleted"], "oc_sk_3"],
  ["logged_out", {}, ["onLoggedOut"], null],
  ["copy_url", { url: "https://pay.example/1" }, ["onCopyUrl"], null],
  ["open_url", { url: "https://pay.example/1" }, ["onOpenUrl"], null],
  ["account_details_shown", {}, ["onAccountDetailsShown"], null],
  ["account_details_dismissed", {}, ["onAccountDetailsDismissed"], null],
  ["toString", {}, [], null],
  ["unknown", {}, [], null],
];

async function eachEvent() {
  for (const [event, fields, callbacks, key] of EVENTS) {
    await withSdk(async (stage) => {
      const frame = await opened(stage);
      await frame.evaluate(([event, fields]) => say(event, fields), [event, fields]);
      await until(`${event} is heard`, async () => (await heard(stage.tab)).length >= callbacks.length);
      await stage.tab.waitForTimeout(50);
      equal(await heard(stage.tab), callbacks, event);
      equal(await stage.tab.evaluate("OpenCredits.getUserKey()"), key, `the key after ${event}`);
      const detail = callbacks.length ? await stage.tab.evaluate("heard[0][1]") : fields;
      for (const name of Object.keys(fields)) equal(detail[name], fields[name], `${event} carries ${name}`);
    });
  }
  return `${EVENTS.length} events`;
}

async function initMessage() {
  await withSdk(async (stage) => {
    const frame = await opened(stage, { checkoutMode: "manual", inputTokens: 10, userKey: "oc_sk_given" }, { amount: 25, model: "a/b" });
    check(frame.url() === `${stage.service}/embed/checkout.html?pk=oc_pk_1`, frame.url());
    await frame.evaluate("say('ready')");
    const [message, origin] = await until("the init message", () => frame.evaluate("heard[0]"));
    const expected = {
      source: "opencredits_init", publishable_key: "oc_pk_1", currency: "usd", checkout_mode: "manual", amount: 25, model: "a/b",
      input_tokens: 10, user_key: "oc_sk_given",
    };
    equal(message, expected, "the init message");
    equal(origin, stage.site, "its origin");
  });
}

async function storedKey() {
  await withSdk(async (stage) => {
    const { tab } = stage;
    const frame = await opened(stage, { userKey: "oc_sk_given" });
    equal(await tab.evaluate("OpenCredits.getUserKey()"), "oc_sk_given", "a given key");
    await frame.evaluate("say('login_completed', { user_key: 'oc_sk_stored' })");
    await until("the stored key", () => tab.evaluate("OpenCredits.getUserKey() === 'oc_sk_stored'"));
    await tab.reload();
    await tab.evaluate("start({ userKey: 'oc_sk_given' })");
    equal(await tab.evaluate("OpenCredits.getUserKey()"), "oc_sk_stored", "a stored key wins");
    await tab.evaluate("start({ publishableKey: 'oc_pk_2' })");
    equal(await tab.evaluate("OpenCredits.getUserKey()"), null, "a key is of one publishable key");
    equal(await stage.context.cookies(), [], "cookies");
  });
}

async function misuse() {
  await withSdk(async ({ tab }) => {
    const thrown = (code) => tab.evaluate(`(() => { try { ${code}; return ""; } catch (error) { return error.message; } })()`);
    check((await thrown("OpenCredits.open()")).includes("init first"), "open before init throws");
    equal(await tab.evaluate("OpenCredits.getUserKey()"), null, "no key before init");
    for (const options of ["", "{}", "{ publishableKey: '' }", "{ publishableKey: 5 }"]) {
      check((await thrown(`OpenCredits.init(${options})`)).includes("publishableKey is missing"), `init(${options}) throws`);
    }
    check((await thrown("OpenCredits.init({ publishableKey: 'a', checkoutMode: 'popup' })")).includes("popup"), "an unknown mode throws");
    await tab.evaluate("start({ onLoggedOut: () => { throw new Error('the page fails') } })");
    await tab.evaluate("OpenCredits.close()");
  });
}

async function strangers() {
  await withSdk(async (stage) => {
    const { tab, service } = stage;
    const frame = await opened(stage);
    const stolen = { source: "opencredits", event: "login_completed", user_key: "oc_sk_evil" };
    // The page itself, a frame of the same service, a frame of another origin, and the frame after it went elsewhere.
    await tab.evaluate((message) => window.postMessage(message, "*"), stolen);
    await tab.evaluate((url) => {
      const other = Object.assign(document.createElement("iframe"), { src: url, id: "other" });
      document.body.append(other);
    }, `${service}/other.html`);
    const other = await until("the other frame", () => tab.frames().find((one) => one.url().endsWith("/other.html")));
    await other.waitForFunction("typeof say === 'function'");
    await other.evaluate((message) => parent.postMessage(message, "*"), stolen);
    const evil = await serve({ pages: { "/embed/checkout.html": FRAME } });
    await frame.evaluate((url) => (location.href = url), `${evil.origin}/embed/checkout.html?evil`);
    const gone = await until("the frame elsewhere", () => tab.frames().find((one) => one.url().includes("?evil")));
    await gone.waitForFunction("typeof say === 'function'");
    await gone.evaluate((message) => parent.postMessage(message, "*"), stolen);
    await gone.evaluate("say('ready')");
    await tab.waitForTimeout(200);
    equal(await heard(tab), [], "callbacks");
    equal(await tab.evaluate("OpenCredits.getUserKey()"), null, "the key");
    equal(await gone.evaluate("heard.length"), 0, "init messages that a stranger got");
    evil.close();
  });
}

async function storageThrows() {
  const script = () => {
    const broken = () => {
      throw new DOMException("denied", "SecurityError");
    };
    Object.defineProperty(window, "localStorage", { get: broken });
  };
  await withSdk(async (stage) => {
    const frame = await opened(stage, { userKey: "oc_sk_given" });
    await frame.evaluate("say('login_completed', { user_key: 'oc_sk_memory' })");
    await until("the key in memory", () => stage.tab.evaluate("OpenCredits.getUserKey() === 'oc_sk_memory'"));
    await frame.evaluate("say('logged_out')");
    await until("no key", () => stage.tab.evaluate("OpenCredits.getUserKey() === null"));
  }, { script });
}

async function newTab() {
  await withSdk(async (stage) => {
    const { tab, context, service } = stage;
    const frame = await opened(stage, { checkoutMode: "new_tab" });
    await frame.evaluate((url) => {
      document.body.onclick = () => say("checkout_opened", { user_key: "oc_sk_1", checkout_url: url });
    }, `${service}/other.html`);
    const [popup] = await Promise.all([context.waitForEvent("page"), frame.click("body")]);
    await popup.waitForLoadState();
    equal(popup.url(), `${service}/other.html`, "the tab");
    equal(await popup.evaluate("window.opener"), null, "it cannot reach back");
    await frame.evaluate(() => (document.body.onclick = () => say("checkout_opened", { user_key: "a", checkout_url: "javascript:alert(1)" })));
    await frame.click("body");
    await until("both events", async () => (await heard(tab)).length === 2);
    equal(context.pages().length, 2, "tabs");
  });
}

async function afterPurchase() {
  const bought = { user_key: "oc_sk_1", balance: 10, credits_added: 5 };
  await withSdk(async (stage) => {
    const frame = await opened(stage);
    await frame.evaluate((bought) => say("purchase_completed", { ...bought, can_close: false }), bought);
    await frame.evaluate("say('account_details_shown')");
    await frame.evaluate("say('account_details_dismissed')");
    await until("the end", async () => (await heard(stage.tab)).includes("onComplete"));
    equal(await heard(stage.tab), ["onPurchaseCompleted", "onAccountDetailsShown", "onAccountDetailsDismissed", "onComplete"], "callbacks");
    await until("the overlay goes", async () => !(await isOpen(stage.tab)));
  });
  for (const leave of ["Escape", "button"]) {
    await withSdk(async (stage) => {
      const frame = await opened(stage);
      await frame.evaluate((bought) => say("purchase_completed", { ...bought, can_close: false }), bought);
      await until("the purchase", async () => (await heard(stage.tab)).length === 1);
      if (leave === "Escape") await frame.evaluate("say('close_requested')");
      else await stage.tab.evaluate("OpenCredits.close()");
      await until("the overlay goes", async () => !(await isOpen(stage.tab)));
      // The page that closes it knows that it did.
      const expected = leave === "Escape" ? ["onPurchaseCompleted", "onComplete"] : ["onPurchaseCompleted"];
      equal(await heard(stage.tab), expected, leave);
    });
  }
}

async function overlay() {
  for (const colorScheme of ["light", "dark"]) {
    for (const width of [320, 1200]) {
      await withSdk(async (stage) => {
        const { tab } = stage;
        await tab.setViewportSize({ width, height: 700 });
        await tab.focus("#buy");
        await opened(stage);
        await picture(tab, `overlay-${width}-${colorScheme}`);
        equal(await axe(tab), [], "axe-core");
        check(!(await isTooWide(tab)), "it scrolls sideways");
        const box = await tab.locator("iframe").boundingBox();
        equal([box.width, box.height], [Math.min(420, width), 620], "the size of the frame");
        // The focus cycles between the frame, the button and the browser, and never reaches the page behind.
        for (let turn = 0; turn < 6; turn += 1) {
          await tab.keyboard.press("Tab");
          check(!(await tab.evaluate("document.activeElement.id === 'buy'")), "the page behind has the focus");
        }
        await tab.getByRole("button", { name: "Close" }).focus();
        await tab.keyboard.press("Escape");
        await until("the overlay goes", async () => !(await isOpen(tab)));
        equal(await tab.evaluate("document.activeElement.id"), "buy", "the focus comes back");
        equal(stage.watched.errors, [], "errors");
      }, { colorScheme, reducedMotion: "reduce" });
    }
  }
}

async function strictHost() {
  await withSdk(async (stage) => {
    await opened(stage);
    const box = await stage.tab.locator("iframe").boundingBox();
    equal(box.width, 420, "the overlay has its style");
    equal(stage.watched.errors, [], "errors");
  }, { headers: { "content-security-policy": "default-src 'none'; script-src 'unsafe-inline' http://localhost:*; frame-src http://localhost:*; style-src 'none'" } });
}

/** A page that imports the package, as a bundler or an import map leaves it: nothing tells where the service is but the page. */
const importing = (service) => `<!doctype html><html lang="en"><title>App</title><main><h1>App</h1></main>
<script type="importmap">{ "imports": { "${MANIFEST.name}": "/package/${MANIFEST.exports["."].default}" } }</script>
<script type="module">
  import OpenCredits, { OpenCredits as named } from "${MANIFEST.name}";
  window.heard = [];
  window.sdk = OpenCredits;
  window.isOne = OpenCredits === named && OpenCredits === window.OpenCredits;
  try { OpenCredits.init({ publishableKey: "oc_pk_1" }); } catch (error) { window.refusal = error.message; }
  OpenCredits.init({ publishableKey: "oc_pk_1", baseUrl: "${service}", onLoginCompleted: (detail) => heard.push(detail.userKey) });
  OpenCredits.open({ amount: 25 });
</script></html>`;

async function imported() {
  const service = await serve({ pages: { "/embed/checkout.html": FRAME }, host: "localhost" });
  const files = readdirSync(join(PACKAGE, "src")).map((name) => [`/package/src/${name}`, readFileSync(join(PACKAGE, "src", name))]);
  const site = await serve({ pages: { "/": importing(service.origin), ...Object.fromEntries(files) } });
  try {
    await withBrowser(async (context, watched) => {
      const tab = context.pages()[0] ?? (await context.newPage());
      await tab.goto(`${site.origin}/`);
      const frame = await until("the frame", () => tab.frames().find((one) => one.url().includes("/embed/checkout.html")));
      await frame.waitForFunction("typeof say === 'function'");
      equal(await tab.evaluate("isOne"), true, "the default, the named and the global one are one");
      check((await tab.evaluate("refusal")).includes("baseUrl is missing"), "it says that the service must be named");
      await frame.evaluate("say('login_completed', { user_key: 'oc_sk_1' })");
      await until("the sign-in", async () => (await tab.evaluate("heard.join()")) === "oc_sk_1");
      equal(await tab.evaluate("sdk.getUserKey()"), "oc_sk_1", "the key");
      equal(watched.errors, [], "errors");
    });
  } finally {
    service.close();
    site.close();
  }
}

/** The members of an interface of the types. */
function members(name) {
  const [, body] = TYPES.match(new RegExp(`interface ${name} [^{]*{([^}]*)}`));
  return [...body.matchAll(/^ {2}(\w+)\??[(:]/gm)].map(([, member]) => member).sort();
}

/** The types name what the script has, and nothing else. */
function typed() {
  const script = SDK.toString();
  const named = (pattern) => [...new Set([...script.matchAll(pattern)].map(([, name]) => name))].sort();
  equal(members("InitOptions").filter((name) => name.startsWith("on")), [...CALLBACKS].sort(), "callbacks");
  equal(named(/"(on[A-Z]\w+)"/g), [...CALLBACKS].sort(), "callbacks of the script");
  equal(members("InitOptions").filter((name) => !name.startsWith("on")), named(/options\.(\w+)/g), "options of init");
  const [[, opening], [, offered]] = [script.match(/function open\({ ([^}]*) }/), script.match(/Object\.freeze\({ ([^}]*) }/)];
  equal(members("OpenOptions"), opening.split(", ").sort(), "options of open");
  equal(members("OpenCreditsSdk"), offered.split(", ").sort(), "functions");
  const [, modes] = TYPES.match(/type CheckoutMode = ([^;]*);/);
  equal(modes.split(" | "), script.match(/MODES = \[([^\]]*)\]/)[1].split(", "), "modes");
  const camel = (name) => name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());
  const details = { CheckoutOpened: "checkout_opened", PurchaseCompleted: "purchase_completed", PurchaseError: "purchase_error", LoginCompleted: "login_completed", UrlEvent: "copy_url" };
  for (const [type, event] of Object.entries(details)) {
    const [, fields] = EVENTS.find(([name]) => name === event);
    equal(members(type), Object.keys(fields).map(camel).sort(), `fields of ${event}`);
  }
}

export const cells = [
  ["the package is imported as a module", imported],
  ["the types of the package name what the script has", async () => typed()],
  ["it weighs less than 8 KB compressed", async () => {
    const bytes = gzipSync(SDK, { level: 9 }).length;
    check(bytes < SDK_BYTES_MAX, `${bytes} bytes`);
    return `${bytes} bytes`;
  }],
  ["each event calls its callbacks and keeps the key", eachEvent],
  ["ready is answered with the init message", initMessage],
  ["a stored key wins and is kept by publishable key", storedKey],
  ["wrong use throws and says the remedy", misuse],
  ["messages of other windows and origins are ignored", strangers],
  ["storage that throws is survived", storageThrows],
  ["new_tab opens the page from the click", newTab],
  ["after a purchase the dismissal completes", afterPurchase],
  ["the overlay is modal, accessible and fits", overlay],
  ["a host page with a strict policy can show it", strictHost],
];
