// What the Node clients of the end-to-end run have in common: the plan, exact money, and one line a cell.

import { readFileSync } from "node:fs";

export const plan = JSON.parse(readFileSync(process.env.E2E_PLAN, "utf8"));
export const clientName = process.env.E2E_CLIENT;
// The dialect of the models that are asked for: where it is not the client's own, the gateway translates.
export const models = process.env.E2E_MODELS;
export const scenarios = plan.scenarios[models];
export const baseUrl = plan.base_url;
export const key = plan.keys[clientName];
export const poorKey = plan.poor_key;
// Right in its form, and nobody's.
export const strangeKey = plan.strange_key;
export const hello = [{ role: "user", content: "Say hello." }];
export const pixel =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

// Nano-USD are counted in BigInt; a credit is so many of them.
const nanoUsdACredit = BigInt(plan.nano_usd_a_credit);

/** A decimal number of credits, as text, in nano-USD. */
export function nano(text) {
  const [whole, part = ""] = String(text).split(".");
  const digits = String(nanoUsdACredit).length - 1;
  true_(part.length <= digits, `${text} is finer than a nano-USD`);
  const value = BigInt(whole) * nanoUsdACredit + BigInt(part.padEnd(digits, "0") || "0");
  return value;
}

export async function get(path, withKey = key) {
  const answer = await fetch(baseUrl + path, { headers: { authorization: `Bearer ${withKey}` } });
  true_(answer.ok, `${path}: ${answer.status}`);
  return answer.text();
}

/** In nano-USD, read from the text: a parsed number would be a float. */
export async function balance() {
  const text = await get("/v1/credits/balance");
  return nano(/"balance":\s*"?([0-9.]+)/.exec(text)[1]);
}

/** What a request costs in nano-USD, worked out by hand: pico-USD a token, one rounding, up. */
export function charge(usage, price) {
  const read = usage.cached_input_tokens ?? 0;
  const write1h = usage.cache_write_1h_tokens ?? 0;
  const write = (usage.cache_write_tokens ?? 0) - write1h;
  const fresh = usage.input_tokens - read - write - write1h;
  const pico =
    BigInt(fresh) * BigInt(price.input) +
    BigInt(read) * BigInt(price.cache_read) +
    BigInt(write) * BigInt(price.cache_write_5m) +
    BigInt(write1h) * BigInt(price.cache_write_1h) +
    BigInt(usage.output_tokens) * BigInt(price.output);
  const scaled = pico * BigInt(10_000 + plan.markup_bps);
  const unit = 10_000n * 1_000n;
  return (scaled + unit - 1n) / unit;
}

/** What a generation's record says was charged, in nano-USD. */
export async function recorded(generation) {
  const record = await get(`/v1/generation?id=${generation}`);
  return nano(/"usage":\s*"?([0-9.]+)/.exec(record)[1]);
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** The balance once it has changed and stands still; at once where the charge is known. */
export async function settled(before, expected) {
  if (expected !== undefined) {
    const after = await balance();
    equal(before - after, expected, "the balance fell by something else");
    return after;
  }
  let last = before;
  for (let look = 0; look < 75; look += 1) {
    const now = await balance();
    if (now === last && now !== before) return now;
    last = now;
    await pause(200);
  }
  return last;
}

const shown = (value) =>
  typeof value === "bigint" ? `${value} nano-USD` : (JSON.stringify(value) ?? String(value));

export function equal(found, expected, what) {
  const same = typeof found === "bigint" ? found === expected : shown(found) === shown(expected);
  if (!same) throw new Error(`${what}: ${shown(found)}, expected ${shown(expected)}`);
}

export function true_(condition, what) {
  if (!condition) throw new Error(what);
}

/** Calls, and gives the exception of exactly this class. */
export async function raises(kind, call) {
  let error;
  try {
    await call();
  } catch (caught) {
    error = caught;
  }
  true_(error !== undefined, `no ${kind.name}`);
  true_(error.constructor === kind, `${error.constructor.name} instead of ${kind.name}: ${error.message}`);
  return error;
}

const cells = [];

/** Adds a feature of this client; one that is replayed is skipped without the recordings, and one that lacks what it needs. */
export function cell(feature, test, { replayed = true, needs } = {}) {
  cells.push([feature, needs ?? (replayed && !plan.has_recordings ? "no recordings" : ""), test]);
}

/** Tries each and tells it in a line of JSON. */
export async function run() {
  for (const [feature, skip, test] of cells) {
    const start = performance.now();
    let [verdict, detail] = skip ? ["skipped", skip] : ["ok", ""];
    try {
      if (!skip) await test();
    } catch (error) {
      verdict = "failed";
      detail = `${error.constructor.name}: ${error.message}`.slice(0, 600);
      console.error(error);
    }
    const ms = Math.round(performance.now() - start);
    console.log(JSON.stringify({ client: clientName, feature, verdict, detail, ms }));
  }
}
