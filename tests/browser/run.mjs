// Runs the scenarios one after the other and says what became of each. A scenario file exports `cells`: pairs of a name and an
// async function, and how long it may take where that is more than usual; a function that returns a text passes with that remark,
// one that throws fails.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { plan } from "./common.mjs";

const CELL_MS = 180_000;
const folder = join(import.meta.dirname, "scenarios");
const files = readdirSync(folder).filter((name) => name.endsWith(".mjs")).sort();

async function inTime(body, longestMs = CELL_MS) {
  let timer;
  const late = new Promise((_, failed) => (timer = setTimeout(() => failed(new Error(`not done within ${longestMs} ms`)), longestMs)));
  try {
    return await Promise.race([body(), late]);
  } finally {
    clearTimeout(timer);
  }
}

let [passed, failed] = [0, 0];
for (const file of files) {
  const { cells } = await import(join(folder, file));
  for (const [name, body, longestMs] of cells) {
    const whole = `${file.replace(".mjs", "")}: ${name}`;
    if (plan.only && !whole.includes(plan.only)) continue;
    const start = Date.now();
    try {
      const remark = await inTime(body, longestMs);
      passed += 1;
      console.log(`  ok      ${whole} (${Date.now() - start} ms)${remark ? `: ${remark}` : ""}`);
    } catch (error) {
      failed += 1;
      console.log(`  FAILED  ${whole} (${Date.now() - start} ms)\n          ${String(error.stack ?? error).split("\n").slice(0, 12).join("\n          ")}`);
    }
  }
}
console.log(`\n${passed} passed, ${failed} failed`);
if (passed + failed === 0) console.log("no scenario has such a name");
process.exit(failed > 0 || passed === 0 ? 1 : 0);
