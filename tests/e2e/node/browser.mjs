// The official browser SDKs in headless Chromium, on a page of another origin.

import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { balance, baseUrl, cell, charge, equal, key, models, plan, run, scenarios, settled, strangeKey, true_ } from "./common.mjs";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];
const PATIENCE_MS = 60_000;

const folders = (process.env.PATH ?? "").split(":");
const browserFile = NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find((file) => existsSync(file));

/** The page's program: it tries one thing and tells the page's own server what came of it. */
const PAGE = `
  import OpenAI from "openai";
  import Anthropic from "@anthropic-ai/sdk";
  const { api, url, key, model, stream } = JSON.parse(document.getElementById("task").textContent);
  const question = { model, max_tokens: 300, messages: [{ role: "user", content: "Say hello." }] };
  const shared = { apiKey: key, dangerouslyAllowBrowser: true, maxRetries: 0 };
  const read = (headers) => Object.fromEntries(["x-generation-id", "x-request-id", "x-credits-charged"]
    .map((name) => [name, headers.get(name)]));
  async function openai() {
    const client = new OpenAI({ baseURL: url + "/v1", ...shared });
    const { data, response } = await client.chat.completions.create({ ...question, stream }).withResponse();
    let text = "";
    if (stream) for await (const chunk of data) text += chunk.choices[0]?.delta?.content ?? "";
    else text = data.choices[0].message.content;
    return { text, headers: read(response.headers) };
  }
  async function anthropic() {
    const client = new Anthropic({ baseURL: url, ...shared });
    const { data, response } = await client.messages.create({ ...question, stream }).withResponse();
    let text = "";
    if (stream) for await (const event of data) text += event.delta?.text ?? "";
    else text = data.content.map((block) => block.text ?? "").join("");
    return { text, headers: read(response.headers) };
  }
  let told;
  try {
    told = await (api === "chat" ? openai() : anthropic());
  } catch (error) {
    told = { error: error.constructor.name, status: error.status, message: String(error.message), request: error.requestID ?? error.request_id };
  }
  await fetch("/told", { method: "POST", body: JSON.stringify(told) });
`;

async function program() {
  const stdin = { contents: PAGE, resolveDir: import.meta.dirname, loader: "js" };
  const built = await build({ stdin, bundle: true, write: false, format: "esm", platform: "browser", logLevel: "error" });
  return built.outputFiles[0].text;
}

/** Opens a page that does the task; what it tells. */
async function inBrowser(task) {
  const script = await program();
  let tell;
  const told = new Promise((done) => (tell = done));
  const server = createServer((request, answer) => {
    if (request.method === "POST") {
      let body = "";
      request.on("data", (piece) => (body += piece));
      request.on("end", () => (answer.end(), tell(JSON.parse(body))));
    } else if (request.url === "/program.js") {
      answer.setHeader("content-type", "text/javascript");
      answer.end(script);
    } else {
      answer.setHeader("content-type", "text/html");
      const data = JSON.stringify(task).replaceAll("<", "\\u003c");
      answer.end(`<script type="application/json" id="task">${data}</script><script type="module" src="/program.js"></script>`);
    }
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const profile = mkdtempSync(join(tmpdir(), "browser-"));
  const flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", `--user-data-dir=${profile}`];
  const page = `http://127.0.0.1:${server.address().port}/`;
  const browser = spawn(browserFile, [...flags, page], { stdio: "ignore", detached: true });
  let timer;
  const late = new Promise((_, fail) => (timer = setTimeout(() => fail(new Error("the page told nothing")), PATIENCE_MS)));
  try {
    return await Promise.race([told, late]);
  } finally {
    clearTimeout(timer);
    // The browser is a group of processes.
    await new Promise((done) => (browser.once("exit", done), process.kill(-browser.pid, "SIGKILL")));
    server.closeAllConnections();
    server.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}

const api = models === "openai-chat" ? "chat" : "messages";
const task = (scenario, more = {}) => ({ api, url: baseUrl, key, model: scenarios[scenario].model, stream: false, ...more });

async function answered(scenario, stream) {
  const before = await balance();
  const told = await inBrowser(task(scenario, { stream }));
  true_(!told.error, JSON.stringify(told));
  equal(told.text, scenarios[scenario].text, "text");
  true_(told.headers["x-generation-id"] && told.headers["x-request-id"], "the page cannot read the ids");
  true_(stream || told.headers["x-credits-charged"], "the page cannot read the charge");
  await settled(before, charge(scenarios[scenario].usage, plan.price));
}

const needs = browserFile ? undefined : "no Chromium";

cell("whole answer", () => answered("chat", false), { needs });
cell("stream", () => answered("stream", true), { needs });
cell("error", async () => {
  const told = await inBrowser(task("chat", { key: strangeKey }));
  // A bundler may add a number to a class's name.
  equal([told.error?.replace(/\d+$/, ""), told.status], ["AuthenticationError", 401], "the error");
}, { replayed: false, needs });

await run();
