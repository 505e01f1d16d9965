// The dashboard: readings of charts, downloads, keys, purchases, codes that confirm a step.

import { load } from "./app.js";
import { refused, save, saveAs } from "./download.js";
import { clearErrors, during, showError, values } from "./forms.js";
import { Refusal, api, authorized, words } from "./session.js";

const QUOTE_MS = 350;
const POLL_MS = 2000;
const POLLS_MAX = 90;
const PAGES_MAX = 100;
const ORDER = "opencredits.order";
// What people call what programs call otherwise.
const FILES = { generations: "requests", orders: "purchases" };

function kept(value) {
  try {
    if (value === null) sessionStorage.removeItem(ORDER);
    else if (value !== undefined) sessionStorage.setItem(ORDER, value);
    return sessionStorage.getItem(ORDER);
  } catch {
    return null;
  }
}

// Charts.

function read(part) {
  for (const chart of part.querySelectorAll(".chart")) {
    const reading = chart.querySelector("[data-reading]");
    const hint = reading.textContent;
    reading.hidden = false;
    const plot = chart.querySelector(".plot > svg");
    plot.addEventListener("pointerover", (event) => {
      const bar = event.target.closest("a");
      if (bar) reading.textContent = bar.querySelector("title").textContent.replace(/\s*\n\s*/g, " · ");
    });
    plot.addEventListener("pointerleave", () => { reading.textContent = hint; });
    plot.addEventListener("click", (event) => {
      const bar = event.target.closest("a");
      if (!bar || event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      load(bar.getAttribute("href"), { push: true });
    });
  }
}

function warn(part, error) {
  part.querySelector(":scope > .failed")?.remove();
  const notice = document.createElement("p");
  notice.className = "notice bad failed";
  notice.setAttribute("role", "alert");
  notice.textContent = error instanceof Refusal ? error.message : words.failed;
  part.prepend(notice);
}

// All pages of a list, up to a bound.
async function listed(url) {
  const rows = [];
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const list = await api("GET", url.pathname + url.search);
    rows.push(...list.data);
    const next = list.next_cursor ?? list.next;
    if (!next) break;
    url.searchParams.set("cursor", next);
  }
  return rows;
}

function cell(value) {
  const text = value === null || value === undefined ? "" : String(value);
  // A spreadsheet would take such a text for a formula.
  const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function written(rows, form) {
  if (form === "json") return JSON.stringify(rows, null, 2);
  if (form === "ndjson") return rows.map((row) => `${JSON.stringify(row)}\n`).join("");
  const names = Object.keys(rows[0] ?? {});
  return [names, ...rows.map((row) => names.map((name) => row[name]))].map((line) => `${line.map(cell).join(",")}\r\n`).join("");
}

async function download(part, button) {
  const url = new URL(button.dataset.download, location.href);
  const form = url.searchParams.get("format") ?? "json";
  const what = url.pathname.split("/").pop();
  const name = `${FILES[what] ?? what}.${form}`;
  button.disabled = true;
  try {
    if (url.pathname === "/v1/activity") {
      await save(url, name);
    } else {
      url.searchParams.delete("format");
      saveAs(new Blob([written(await listed(url), form)]), name);
    }
    button.closest("details")?.removeAttribute("open");
  } catch (error) {
    warn(part, error);
  } finally {
    button.disabled = false;
  }
}

async function portal(part, button) {
  button.disabled = true;
  try {
    location.assign((await api("POST", "/v1/credits/portal", {})).url);
  } catch (error) {
    warn(part, error);
    button.disabled = false;
  }
}

// Keys: what is emptied is removed, and a day becomes its last second.

function keyBody(form) {
  const given = Object.fromEntries(new FormData(form));
  const whole = (text) => (text === "" ? null : Number(text));
  const body = {
    name: given.name.trim(),
    limit: given.limit.trim() || null,
    limit_reset: given.limit.trim() ? given.limit_reset || null : null,
    expires_at: given.expires_at ? `${given.expires_at}T23:59:59Z` : null,
    allowed_models: given.allowed_models.split(/[\s,]+/).filter(Boolean),
    requests_per_minute: whole(given.requests_per_minute),
    tokens_per_minute: whole(given.tokens_per_minute),
    parallel_max: whole(given.parallel_max),
  };
  if (body.allowed_models.length === 0) body.allowed_models = null;
  return body;
}

async function saveKey(part, form) {
  const id = form.dataset.keyId;
  await during(form, async () => {
    if (id) {
      await api("PATCH", `/v1/keys/${id}`, keyBody(form));
      await load(location.href);
      return;
    }
    const { key } = await api("POST", "/v1/keys", keyBody(form));
    const made = part.querySelector("[data-made]");
    made.querySelector("#secret").textContent = key;
    const first = made.querySelector("#first-request");
    first.textContent = first.textContent.replace("oc_sk_...", key);
    form.hidden = true;
    made.hidden = false;
    made.querySelector("h2").focus();
  });
}

// Purchases.

function quotes(part, form) {
  let timer = null;
  let run = null;
  form.elements.amount.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      run?.abort();
      run = new AbortController();
      const url = new URL(form.action);
      url.search = new URLSearchParams(new FormData(form)).toString();
      const headers = authorized({ Accept: "text/html", "OpenCredits-Fragment": "main" });
      const answer = await fetch(url, { headers, signal: run.signal, credentials: "omit", cache: "no-store" }).catch(() => null);
      if (!answer?.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const place of ["#quote", ".amounts"]) {
        const fresh = page.querySelector(place);
        if (fresh) part.querySelector(place).replaceChildren(...fresh.childNodes);
      }
      form.elements.amount.toggleAttribute("aria-invalid", Boolean(page.querySelector("#quote .wrong")));
    }, QUOTE_MS);
  });
}

async function buy(form) {
  await during(form, async () => {
    const back = new URL("/dashboard/top-up", location.href);
    const order = await api("POST", "/v1/credits/checkout", {
      amount: form.dataset.amount,
      currency: form.dataset.buy,
      save_method: form.elements.save_method.checked,
      ...(form.elements.email ? { email: form.elements.email.value.trim() } : {}),
      success_url: `${back}?back=1`,
      cancel_url: `${back}?amount=${encodeURIComponent(form.dataset.amount)}&currency=${form.dataset.buy}&cancelled=1`,
    });
    kept(order.id);
    location.assign(order.checkout_url);
  });
}

// Waits until an order changes, and shows the page anew.
async function waitFor(part, id, state) {
  for (let count = 0; count < POLLS_MAX && part.isConnected; count += 1) {
    await new Promise((resolve) => { setTimeout(resolve, POLL_MS); });
    const order = await api("GET", `/v1/credits/orders/${id}`).catch(() => null);
    if (!part.isConnected) return;
    if (order && order.status !== state) {
      await load(location.href);
      return;
    }
  }
}

function lookForOrder(part) {
  const id = kept();
  if (!id) return;
  kept(null);
  const url = new URL("/dashboard/top-up", location.href);
  url.searchParams.set("order", id);
  history.replaceState(null, "", url);
  load(url.href);
}

// A step that asks for a code by mail: the first button sends it, the second takes the step.

function step(form, number) {
  for (const one of form.querySelectorAll("[data-step-2]")) one.hidden = number !== 2;
  for (const one of form.querySelectorAll("[data-step-1]")) one.hidden = number !== 1;
}

function second(form) {
  step(form, 2);
  form.querySelector("[data-step-2] input").focus();
}

/** A code is used once: the next time begins with another one. */
function first(form) {
  delete form.dataset.challenge;
  form.elements.code.value = "";
  step(form, 1);
}

async function confirmed(form) {
  const { confirmed: purpose, to, file } = form.dataset;
  await during(form, async () => {
    if (!form.dataset.challenge) {
      form.dataset.challenge = (await api("POST", "/v1/auth/code", { purpose })).challenge;
      second(form);
      return;
    }
    const [method, path] = to.split(" ");
    const body = { challenge: form.dataset.challenge, code: form.elements.code.value.replace(/\s/g, "") };
    // What the step switches, such as "restricted=true".
    for (const [name, value] of new URLSearchParams(form.dataset.with ?? "")) body[name] = value === "true";
    const answer = await fetch(path, {
      method,
      headers: authorized({ "Content-Type": "application/json" }),
      body: JSON.stringify(body),
      credentials: "omit",
      cache: "no-store",
    });
    if (!answer.ok) throw await refused(answer);
    if (file) await save(form.dataset.from, file);
    first(form);
    const done = form.querySelector("[data-done]");
    done.textContent = words.done;
    done.hidden = false;
    if (form.dataset.then === "reload") await load(location.href);
  });
}

async function changeEmail(form) {
  await during(form, async () => {
    if (!form.dataset.challenges) {
      const given = await api("POST", "/v1/account/email", { email: form.elements.email.value.trim() });
      form.dataset.challenges = JSON.stringify(given);
      form.elements.email.readOnly = true;
      second(form);
      return;
    }
    const { challenge_old, challenge_new } = JSON.parse(form.dataset.challenges);
    const code = (name) => form.elements[name].value.replace(/\s/g, "");
    await api("PUT", "/v1/account/email", { challenge_old, code_old: code("code_old"), challenge_new, code_new: code("code_new") });
    await load(location.href);
  });
}

async function addPasskey(form) {
  if (!window.PublicKeyCredential?.parseCreationOptionsFromJSON) {
    showError(form, new Refusal(0, { message: words.passkey_unknown }));
    return;
  }
  await during(form, async () => {
    if (!form.dataset.challenge) {
      form.dataset.challenge = (await api("POST", "/v1/auth/code", { purpose: "passkey_add" })).challenge;
      second(form);
      return;
    }
    const confirmation = { challenge: form.dataset.challenge, code: form.elements.code.value.replace(/\s/g, "") };
    const given = await api("POST", "/v1/account/passkeys/options", {});
    const options = PublicKeyCredential.parseCreationOptionsFromJSON(given.publicKey ?? given.options ?? given);
    let credential;
    try {
      credential = await navigator.credentials.create({ publicKey: options });
    } catch (error) {
      // The person has changed their mind: nothing is to be told.
      if (error.name === "NotAllowedError" || error.name === "AbortError") return;
      throw error;
    }
    const { name } = values(form);
    await api("POST", "/v1/account/passkeys", { challenge: given.challenge, credential: credential.toJSON(), name, confirmation });
    await load(location.href);
  });
}

const STEPS = [
  ["keyForm", saveKey],
  ["buy", (part, form) => buy(form)],
  ["confirmed", (part, form) => confirmed(form)],
  ["emailForm", (part, form) => changeEmail(form)],
  ["passkeyForm", (part, form) => addPasskey(form)],
];

export function start(part) {
  read(part);
  part.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.download) download(part, button);
    else if ("portal" in button.dataset) portal(part, button);
  });
  part.addEventListener("submit", (event) => {
    const step = STEPS.find(([name]) => name in event.target.dataset);
    if (!step) return;
    event.preventDefault();
    clearErrors(event.target);
    step[1](part, event.target);
  });
  const quoted = part.querySelector("[data-quote-form]");
  if (quoted) quotes(part, quoted);
  if ("back" in part.dataset) lookForOrder(part);
  if (part.dataset.await) waitFor(part, part.dataset.await, part.dataset.awaitState);
}
