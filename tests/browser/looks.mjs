// What holds for every page: no console error, no request to another origin, no cookie, no horizontal scroll, nothing serious by
// axe-core; at three sizes, in light and dark.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { check, equal, picture, plan, withBrowser } from "./common.mjs";

export const SIZES = [
  ["phone", { width: 360, height: 740 }],
  ["tablet", { width: 820, height: 1180 }],
  ["desktop", { width: 1440, height: 900 }],
];
export const SCHEMES = ["light", "dark"];
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const BAD = ["serious", "critical"];

/** What axe-core finds that is serious or critical, one line each. `frame` may be a page or a frame. */
export async function axe(frame) {
  const found = await frame.evaluate(`${AXE}; axe.run(document, { resultTypes: ["violations"], iframes: false })`);
  const bad = found.violations.filter((violation) => BAD.includes(violation.impact));
  return bad.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(" | ")}`);
}

/** Whether a page is wider than its window. */
export const isTooWide = (frame) =>
  frame.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);

/** What the browser reports of the page itself where its status is above 399, as that of an error page is. */
const isOfStatus = (error, status) => status >= 400 && error.includes(`status of ${status} `);

/**
 * Looks at one page at each size and in each scheme; returns how often. It is loaded once for each size. `status` is that of its
 * answer.
 */
export async function lookAt({ name, path, token, ready = "main", status = 200 }) {
  let count = 0;
  await withBrowser(async (context, watched) => {
    const page = context.pages()[0] ?? (await context.newPage());
    // An empty page has no storage.
    const signIn = (token) => location.protocol === "about:" || localStorage.setItem("opencredits.session", token);
    if (token) await page.addInitScript(signIn, token);
    for (const [size, viewport] of SIZES) {
      await page.setViewportSize(viewport);
      // A part of the address after # alone would load nothing.
      await page.goto("about:blank");
      const answer = await page.goto(plan.url + path, { waitUntil: "networkidle" });
      equal(answer.status(), status, `${path}: the status`);
      await page.locator(ready).first().waitFor();
      for (const colorScheme of SCHEMES) {
        await page.emulateMedia({ colorScheme });
        const where = `${path} ${size} ${colorScheme}`;
        await picture(page, `${name}-${size}-${colorScheme}`);
        check(!(await isTooWide(page)), `${where}: it scrolls sideways`);
        equal(await axe(page), [], `${where}: axe-core`);
        count += 1;
      }
      const where = `${path} ${size}`;
      equal(watched.errors.filter((error) => !isOfStatus(error, status)), [], `${where}: errors`);
      const foreign = watched.requests.filter((url) => !url.startsWith(`${plan.url}/`) && !url.startsWith("data:"));
      equal(foreign, [], `${where}: requests to other origins`);
      equal(await context.cookies(), [], `${where}: cookies`);
    }
  }, { reducedMotion: "reduce" });
  return count;
}
