// The playground: a conversation that lives in this page alone. Requests use a key of their own, with a limit and an end,
// which is kept in memory and revoked when the page is left.

import { clearErrors, showError } from "./forms.js";
import { Refusal, api, authorized, words } from "./session.js";

// Characters of a token, about: the estimate before a model has counted.
const CHARS_PER_TOKEN = 4;
const TOKENS_PER_PICTURE = 1000;
const FILE_BYTES_MAX = 5 * 1024 * 1024;
const KEY_MS = 6 * 3600 * 1000;
const MILLION = 1e6;
const URL_CHARS_MAX = 200;

const fill = (text, values) => text.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);
const LANGUAGE = document.documentElement.lang || "en";
const shown = (credits) => credits.toLocaleString(LANGUAGE, { maximumSignificantDigits: credits < 1 ? 2 : 4 });

let key = null;
let messages = [];
let running = null;

function element(tag, text, more = {}) {
  const made = Object.assign(document.createElement(tag), more);
  if (text) made.textContent = text;
  return made;
}

function number(form, name) {
  const text = form.elements[name].value.trim();
  if (text === "") return undefined;
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0) throw new Refusal(0, { message: words.play_wrong_number, param: name });
  return value;
}

function settings(form) {
  const option = form.elements.model.selectedOptions[0];
  const given = { model: option.value, max_tokens: number(form, "max_tokens") };
  if ("temperature" in option.dataset) given.temperature = number(form, "temperature");
  return { given, option, system: form.elements.system.value.trim() };
}

// The attachments as parts of a message: pictures as data URLs, text as text.
async function parts(input, option) {
  const found = [];
  for (const file of input.files) {
    if (file.size > FILE_BYTES_MAX) throw new Refusal(0, { message: words.play_too_large, param: "files" });
    if (file.type.startsWith("image/")) {
      if (!("sees" in option.dataset)) throw new Refusal(0, { message: words.play_no_pictures, param: "files" });
      const url = await new Promise((done, failed) => {
        const reader = new FileReader();
        reader.onload = () => done(reader.result);
        reader.onerror = () => failed(new Refusal(0, { message: words.play_unread, param: "files" }));
        reader.readAsDataURL(file);
      });
      found.push({ type: "image_url", image_url: { url } });
      continue;
    }
    try {
      const text = new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
      found.push({ type: "text", text: `${file.name}:\n${text}` });
    } catch {
      throw new Refusal(0, { message: words.play_unread, param: "files" });
    }
  }
  return found;
}

function tokensOf(message) {
  if (typeof message.content === "string") return message.content.length / CHARS_PER_TOKEN;
  return message.content.reduce((sum, part) => sum + (part.text ? part.text.length / CHARS_PER_TOKEN : TOKENS_PER_PICTURE), 0);
}

function cost(option, input, output) {
  return (input * Number(option.dataset.input) + output * Number(option.dataset.output)) / MILLION;
}

// The body of a request, without what is not set.
function body({ given, system }, asked) {
  const all = system ? [{ role: "system", content: system }, ...asked] : asked;
  return { ...given, messages: all, stream: true, stream_options: { include_usage: true } };
}

// The key of this visit, made at the first request.
async function ownKey(limit) {
  if (key && key.limit === limit) return key.secret;
  revoke();
  const expires = new Date(Date.now() + KEY_MS).toISOString().replace(/\.\d+Z/, "Z");
  const made = await api("POST", "/v1/keys", { name: "playground", limit, expires_at: expires });
  key = { secret: made.key, id: made.data?.id ?? made.id, limit };
  return key.secret;
}

function revoke() {
  if (!key?.id) return;
  fetch(`/v1/keys/${key.id}`, { method: "DELETE", headers: authorized(), keepalive: true, credentials: "omit" }).catch(() => {});
  key = null;
}

// The events of a stream (text/event-stream), each as JSON.
async function* events(stream) {
  let rest = "";
  for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop();
    for (const line of lines) if (line.startsWith("data: {")) yield JSON.parse(line.slice(6));
  }
}

function say(part, who, text) {
  const row = element("li");
  const said = element("pre", text);
  row.append(element("h2", who), said);
  part.querySelector(".talk").append(row);
  row.scrollIntoView({ block: "nearest" });
  return { row, said };
}

async function answer(part, asked, option, secret) {
  const sent = body(settings(part.querySelector("[data-settings]")), asked);
  const headers = { "Content-Type": "application/json", Authorization: `Bearer ${secret}` };
  running = new AbortController();
  const { signal } = running;
  const given = await fetch("/v1/chat/completions", { method: "POST", headers, body: JSON.stringify(sent), signal, credentials: "omit" });
  if (!given.ok) {
    const json = await given.json().catch(() => null);
    throw new Refusal(given.status, json?.error ?? {}, given.headers.get("x-request-id"));
  }
  const input = asked.reduce((sum, message) => sum + tokensOf(message), 0);
  const { row, said } = say(part, option.textContent, "");
  const spent = element("p", "", { className: "spent" });
  row.append(spent);
  let usage = null;
  // A request and its entry in the books have the same id.
  const id = given.headers.get("x-request-id")?.replace("req_", "gen_");
  try {
    for await (const event of events(given.body)) {
      if (event.error) throw new Refusal(0, event.error);
      usage = event.usage ?? usage;
      said.textContent += event.choices?.[0]?.delta?.content ?? "";
      spent.textContent = fill(words.play_running, { credits: shown(cost(option, input, said.textContent.length / CHARS_PER_TOKEN)) });
    }
  } catch (error) {
    if (error.name !== "AbortError") throw error;
    spent.textContent = words.play_stopped;
  }
  if (usage?.credits !== undefined) spent.textContent = fill(words.play_charged, { credits: shown(usage.credits) });
  if (id) spent.append(" ", element("a", words.play_bill, { href: `/dashboard/requests/${id}` }));
  return said.textContent;
}

async function send(part, form) {
  const chosen = settings(part.querySelector("[data-settings]"));
  const question = form.elements.question.value.trim();
  const attached = await parts(form.elements.files, chosen.option);
  if (!question && attached.length === 0) throw new Refusal(0, { message: words.play_empty, param: "messages" });
  const content = attached.length ? [{ type: "text", text: question }, ...attached].filter((one) => one.text !== "") : question;
  const asked = [...messages, { role: "user", content }];
  const limit = number(part.querySelector("[data-settings]"), "limit") ?? null;
  const secret = await ownKey(limit);
  const mine = say(part, words.play_you, [question, ...[...form.elements.files.files].map((file) => file.name)].filter(Boolean).join("\n"));
  try {
    const text = await answer(part, asked, chosen.option, secret);
    messages = [...asked, { role: "assistant", content: text }];
    form.reset();
  } catch (error) {
    mine.row.remove();
    throw error;
  }
}

// An attachment in code names its file: code with the file's bytes in it could not be read.
function named(file) {
  if (file.type.startsWith("image/")) return { type: "image_url", image_url: { url: `data:${file.type};base64,BASE64_OF_${file.name}` } };
  return { type: "text", text: `TEXT_OF_${file.name}` };
}

function short(name, value) {
  const isPicture = name === "url" && value.startsWith("data:") && value.length > URL_CHARS_MAX;
  return isPicture ? `${value.slice(0, value.indexOf(",") + 1)}BASE64_OF_THE_PICTURE` : value;
}

function code(part, language) {
  const { baseUrl } = part.dataset;
  const form = part.querySelector("[data-settings]");
  const question = part.querySelector("#question").value.trim();
  const files = [...part.querySelector("#files").files].map(named);
  const content = files.length ? [...(question ? [{ type: "text", text: question }] : []), ...files] : question || "Hello";
  const { stream, stream_options, ...rest } = body(settings(form), [...messages, { role: "user", content }]);
  const json = JSON.stringify(rest, short, 2);
  if (language === "python") {
    const set = Object.entries(rest).filter(([, value]) => value !== undefined);
    const given = set.map(([name, value]) => `    ${name}=${JSON.stringify(value, short, 4).replaceAll("\n", "\n    ")},`).join("\n");
    return `import os\nfrom openai import OpenAI\n\nclient = OpenAI(base_url="${baseUrl}", api_key=os.environ["KEY"])\nanswer = client.chat.completions.create(\n${given}\n)\nprint(answer.choices[0].message.content)`;
  }
  if (language === "javascript") {
    return `import OpenAI from "openai";\n\nconst client = new OpenAI({ baseURL: "${baseUrl}", apiKey: process.env.KEY });\nconst answer = await client.chat.completions.create(${json});\nconsole.log(answer.choices[0].message.content);`;
  }
  return `curl ${baseUrl}/chat/completions \\\n  -H "Authorization: Bearer $KEY" \\\n  -H "Content-Type: application/json" \\\n  -d '${json.replaceAll("'", "'\\''")}'`;
}

function refresh(part) {
  const form = part.querySelector("[data-settings]");
  const option = form.elements.model.selectedOptions[0];
  part.querySelector("[data-price]").textContent = fill(words.play_price, { input: option.dataset.input, output: option.dataset.output });
  form.querySelector("[data-field=temperature]").hidden = !("temperature" in option.dataset);
  const language = part.querySelector("[data-language][aria-pressed=true]").dataset.language;
  try {
    part.querySelector("#code").textContent = code(part, language);
  } catch {
    // A number that is none is told of when the message is sent.
  }
  const text = part.querySelector("#question").value;
  const place = part.querySelector("[data-cost]");
  if (!text.trim() && !part.querySelector("#files").files.length) {
    place.textContent = "";
    return;
  }
  const system = form.elements.system.value.length / CHARS_PER_TOKEN;
  const pictures = [...part.querySelector("#files").files].reduce((sum, file) => sum + (file.type.startsWith("image/") ? TOKENS_PER_PICTURE : file.size / CHARS_PER_TOKEN), 0);
  const input = messages.reduce((sum, message) => sum + tokensOf(message), 0) + system + text.length / CHARS_PER_TOKEN + pictures;
  const longest = Math.min(Number(form.elements.max_tokens.value) || Infinity, Number(option.dataset.outputMax));
  place.textContent = fill(words.play_estimate, { credits: shown(cost(option, input, Math.min(longest, 300))), most: shown(cost(option, input * 1.3, longest)) });
}

export function start(part) {
  const form = part.querySelector(".ask");
  if (!form) return;
  const [sending, stopping, clearing] = ["[data-send]", "[data-stop]", "[data-clear]"].map((one) => part.querySelector(one));
  messages = [];
  part.querySelector("[data-more]").open = matchMedia("(min-width: 48rem)").matches;
  const busy = (isBusy) => {
    sending.disabled = isBusy;
    stopping.hidden = !isBusy;
    // A screen reader says an answer once it is whole.
    part.querySelector(".talk").setAttribute("aria-busy", String(isBusy));
  };
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (sending.disabled) return;
    clearErrors(form);
    clearErrors(part.querySelector("[data-settings]"));
    busy(true);
    try {
      await send(part, form);
      clearing.hidden = false;
    } catch (error) {
      if (error.name !== "AbortError") {
        if (!(error instanceof Refusal)) console.error(error);
        const other = part.querySelector("[data-settings]");
        if (error.field) part.querySelector(`details:has([data-field="${CSS.escape(error.field)}"])`)?.setAttribute("open", "");
        showError(error.field && other.querySelector(`[data-field="${CSS.escape(error.field)}"]`) ? other : form, error);
      }
    } finally {
      running = null;
      busy(false);
      refresh(part);
      form.elements.question.focus();
    }
  });
  form.elements.question.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  stopping.addEventListener("click", () => running?.abort());
  clearing.addEventListener("click", () => {
    messages = [];
    part.querySelector(".talk").replaceChildren();
    clearing.hidden = true;
    form.elements.question.focus();
    refresh(part);
  });
  for (const button of part.querySelectorAll("[data-language]")) {
    button.addEventListener("click", () => {
      for (const one of part.querySelectorAll("[data-language]")) one.setAttribute("aria-pressed", String(one === button));
      refresh(part);
    });
  }
  part.addEventListener("input", () => refresh(part));
  addEventListener("pagehide", revoke);
  // Another page of ours may take this one's place without leaving the document.
  document.addEventListener("opencredits:shown", function gone() {
    if (part.isConnected) return;
    running?.abort();
    revoke();
    removeEventListener("pagehide", revoke);
    document.removeEventListener("opencredits:shown", gone);
  });
  refresh(part);
}
