// What each page weighs, and how long it takes until a person can use it, by Chromium's own figures.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { check, plan, withBrowser } from "../common.mjs";
import { visit } from "../people.mjs";

const all = JSON.parse(readFileSync(join(import.meta.dirname, "../pages.json"), "utf8"));
/** Of a page that is looked at empty and full, the full one. */
const pages = all.filter(({ name }) => !all.some((other) => other.name === `${name}-busy`));
const LOADS = 3;
/** All that a first visit may transfer: page, style sheets, scripts, pictures, calls. */
const BYTES_MAX = 100_000;
/** Time depends on what else the machine does: it is printed, and this bound catches only what hangs. */
const MS_MAX = 2_000;

/** Until the page can be used: its scripts have run, and a shell has its content. */
const interactive = () => {
  const [navigation] = performance.getEntriesByType("navigation");
  const filled = performance.getEntriesByName("filled").at(0)?.startTime ?? 0;
  return Math.max(navigation.domContentLoadedEventEnd, filled);
};

/** Marks the moment when the content of a shell stands in <main>. */
const watchShell = () => {
  const observer = new MutationObserver(() => {
    if (!document.querySelector("main h1")) return;
    observer.disconnect();
    performance.mark("filled");
  });
  observer.observe(document, { childList: true, subtree: true });
};

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

/** One first visit: nothing is in the browser's cache. */
async function visited({ path, token, ready = "main" }) {
  return withBrowser(async (context) => {
    const page = context.pages()[0] ?? (await context.newPage());
    if (token) await page.addInitScript((token) => localStorage.setItem("opencredits.session", token), token);
    if (token) await page.addInitScript(watchShell);
    const devtools = await context.newCDPSession(page);
    await devtools.send("Network.enable");
    let bytes = 0;
    devtools.on("Network.loadingFinished", ({ encodedDataLength }) => (bytes += encodedDataLength));
    const times = [];
    for (let load = 0; load < LOADS; load += 1) {
      // An address with a fragment is not loaded again where its page is shown.
      await page.goto("about:blank");
      // The first visit of all starts the browser's own processes, and fetches everything.
      await page.goto(plan.url + path, { waitUntil: load === 0 ? "networkidle" : "load" });
      await page.locator(ready).first().waitFor();
      times.push(await page.evaluate(interactive));
      if (load > 0) continue;
      check(bytes > 0, `${path}: nothing was transferred`);
      check(bytes < BYTES_MAX, `${path} transfers ${bytes} bytes, at most ${BYTES_MAX} are allowed`);
      await devtools.send("Network.disable");
    }
    return { bytes, ms: median(times) };
  });
}

export const cells = pages.map((page) => [
  `${page.name} is light and quick`,
  async () => {
    const { bytes, ms } = await visited({ ...page, ...(await visit(page)) });
    check(ms < MS_MAX, `${page.path} can be used after ${Math.round(ms)} ms`);
    return `${(bytes / 1000).toFixed(1)} kB, usable after ${Math.round(ms)} ms`;
  },
]);
