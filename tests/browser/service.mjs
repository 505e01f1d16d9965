// A service of a scenario's own, as README.md says how to start one.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { plan, until } from "./common.mjs";

const START_MS = 30_000;

/**
 * `dev` on an empty folder without a config file: its URL, the codes that it prints, its admin tool, and its end. `settings` are
 * variables of its environment.
 */
export async function started(settings = {}) {
  const folder = mkdtempSync(join(tmpdir(), "walk-"));
  const env = { ...process.env, OPENCREDITS_SERVER_LISTEN: "127.0.0.1:0", ...settings };
  const gateway = spawn(plan.gateway, ["dev", "--data", join(folder, "data")], { env, stdio: ["ignore", "pipe", "ignore"] });
  let said = "";
  gateway.stdout.on("data", (bytes) => (said += bytes));
  const url = await until("the printed URL", () => said.match(/OpenCredits is at (\S+), with/)?.[1], START_MS);
  const codeOf = async (address, count = 1) => {
    const mails = () => said.split("From: ").filter((mail) => mail.includes(`To: ${address}\n`)).map((mail) => mail.match(/\b(\d{3}) (\d{3})\b/));
    const found = await until(`a printed code for ${address}`, () => mails().length >= count && mails().at(-1));
    return found[1] + found[2];
  };
  const admin = (...words) => {
    const program = join(dirname(plan.gateway), "opencredits-admin");
    return execFileSync(program, ["--data", join(folder, "data"), "--json", ...words], { encoding: "utf8" });
  };
  const stop = async () => {
    const ended = once(gateway, "exit");
    gateway.kill("SIGTERM");
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  return { url, codeOf, admin, stop };
}
