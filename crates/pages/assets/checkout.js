// The checkout frame: sign in, connect the app, choose an amount, wait for the payment in the other tab, see the balance.

import * as api from "./checkout-api.js";
import * as host from "./checkout-host.js";
import * as passkey from "./passkey.js";
import { $, busy, count, credits, fail, fill, known, money, phrase, show, shown, wrong } from "./checkout-view.js";

const POLL_MS = 2000;
/** After a minute a person is likely to be busy with their bank. */
const POLL_SLOW_MS = 5000;
const POLLS_FAST = 30;
const TYPING_MS = 250;
const ADDRESS = /^[^\s@]+@[^\s@]+\.[^\s@]+$/;
const TOKENS_DEFAULT = 2500;

/** How a publishable key of test mode begins. */
const TEST_KEY = "oc_pk_test_";

/** What the page around has asked for, and what is known of app and person. */
const state = {
  init: null, embedder: null, app: null, userKey: null, email: null, challenge: null, proof: null, terms: null,
  sold: null, quoted: null, prices: [], order: null, bought: false, polling: 0,
};

// Starting

let greeting = 0;

async function greet(init, origin) {
  const mine = ++greeting;
  let config;
  try {
    config = await api.config(init.publishable_key ?? "", origin);
  } catch (problem) {
    if (mine !== greeting) return;
    const reason = problem.status === 403 ? phrase("not_allowed", { origin }) : problem.status === 404 ? phrase("unknown_app") : problem.message;
    $("#refused").textContent = reason;
    show("refused");
    return;
  }
  if (mine !== greeting) return;
  host.confirm(origin);
  state.init = { checkout_mode: "embedded", currency: "usd", ...init };
  state.embedder = { publishable_key: init.publishable_key, origin };
  state.app = config.partner;
  named({});
  await begin();
}

function named(values) {
  const filled = { app: state.app.name, email: state.email ?? "", ...values };
  fill(filled);
  $("#app").textContent = phrase("title", filled);
}

async function begin() {
  try {
    if (await keyWorks(state.init.user_key)) return await amountStep();
    if (state.init.publishable_key?.startsWith(TEST_KEY)) {
      $("#refused").textContent = phrase("test_key");
      return show("refused");
    }
    if (api.token()) {
      const { user } = await api.whoAmI();
      state.email = user.email;
      named({});
      return show("connect");
    }
  } catch (problem) {
    if (problem.status !== 401) return stuck(problem);
    api.forget();
  }
  show("email");
}

/** An existing key of the person is recognised by a balance that it may read. */
async function keyWorks(key) {
  if (typeof key !== "string" || key === "") return false;
  try {
    balanced(await api.balance(key));
    state.userKey = key;
    return true;
  } catch (problem) {
    if (problem.status === 401 || problem.status === 403) return false;
    throw problem;
  }
}

function stuck(problem) {
  if (shown() === "loading") show("email");
  fail(problem.message ?? phrase("failed"));
}

// Signing in

async function sendCode() {
  const email = $("#f-email").value.trim();
  if (!ADDRESS.test(email)) return wrong("email", phrase("no_email"));
  wrong("email", null);
  try {
    const { challenge } = await api.sendCode(email);
    Object.assign(state, { email, challenge });
    $("#f-code").value = "";
    wrong("code", null);
    named({});
    show("code");
  } catch (problem) {
    refused("email", problem);
  }
}

async function signIn() {
  const code = $("#f-code").value.replace(/\D/g, "");
  if (code.length !== 6) return wrong("code", phrase("no_code"));
  wrong("code", null);
  await enter({ challenge: state.challenge, code });
}

/** The challenge of a passkey is used up by its first answer, so that each attempt asks for another. */
async function usePasskey(accept) {
  const used = await passkey.use(await api.passkeyOptions());
  if (!used) {
    show("email");
    return fail(phrase("passkey_failed"));
  }
  await enter({ passkey: { ...used, embedder: state.embedder } }, accept);
}

/** Signs in with what proves who it is, and connects the app; somebody new agrees to the terms before. */
async function enter(proof, accept) {
  try {
    const { session_token, user } = await api.signIn(accept ? { ...proof, accept } : proof);
    api.keep(session_token);
    state.email = user.email;
    named({});
  } catch (problem) {
    if (problem.code === "terms_required") {
      Object.assign(state, { proof, terms: problem.metadata.terms_version });
      return show("accept");
    }
    if (proof.passkey) throw problem;
    if (shown() !== "code") show("code");
    return refused("code", problem);
  }
  if (proof.passkey) return show("connect");
  try {
    await connect($("#cap-code").value);
  } catch (problem) {
    // The code is spent, and the person is signed in.
    if (shown() !== "amount") show("connect");
    throw problem;
  }
}

async function agree() {
  const accepted = $("#accept-terms").checked && $("#accept-age").checked;
  $("#accept-error").hidden = accepted;
  if (!accepted) return $("#accept-terms").focus();
  const accept = { terms: state.terms, age_16: true };
  await (state.proof.passkey ? usePasskey(accept) : enter(state.proof, accept));
}

/** An app that the person has connected before keeps its limit. */
async function connect(cap) {
  const { data } = await api.apps();
  const isKnown = data.some((app) => app.id === state.app.id);
  const { user_key } = await api.connect(state.init.publishable_key, isKnown ? undefined : cap);
  state.userKey = user_key;
  host.tell("login_completed", { user_key });
  balanced(await api.balance(user_key));
  await amountStep();
}

async function signOut() {
  try {
    if (api.token()) await api.signOut();
  } catch (problem) {
    if (problem.status !== 401) return fail(problem.message);
  }
  api.forget();
  state.polling += 1;
  Object.assign(state, { userKey: null, email: null, order: null, bought: false });
  host.tell("logged_out");
  show("email");
  fail(null);
}

// Choosing an amount

function balanced(balance) {
  state.balance = balance;
  for (const element of document.querySelectorAll("[data-balance]")) element.textContent = credits(balance);
}

/** The offer with the price of an amount; an amount that is none is as if the app had named none. */
async function offered(amount) {
  try {
    return await api.offer(amount);
  } catch (problem) {
    if (problem.status !== 400) throw problem;
    return api.offer();
  }
}

async function amountStep() {
  const { currencies } = await offered(state.init.amount);
  const sold = currencies.find((one) => one.currency === state.init.currency) ?? currencies[0];
  if (!sold) {
    $("#refused").textContent = phrase("not_sold");
    return show("refused");
  }
  state.sold = sold;
  $("#own-amount").textContent = phrase("own_amount", { currency: sold.currency.toUpperCase() });
  suggest(sold);
  await models();
  show("amount");
}

/** Three amounts as radio buttons; the one that the app asked for is chosen, or stands in the field. */
function suggest(sold) {
  const offered = sold.suggested.slice(0, 3);
  const asked = sold.asked ?? null;
  const chosen = asked ? offered.find((one) => one.amount === asked.amount) : offered[Math.min(1, offered.length - 1)];
  const labels = offered.map((one) => {
    const label = document.createElement("label");
    const input = Object.assign(document.createElement("input"), { type: "radio", name: "suggested", value: one.amount });
    input.checked = one === chosen;
    input.addEventListener("change", () => {
      $("#f-amount").value = "";
      quoted(one);
    });
    const note = document.createElement("span");
    note.textContent = credits(one.credits + one.bonus);
    label.append(input, money(one.amount, sold.currency), note);
    return label;
  });
  $("#suggested").replaceChildren(...labels);
  $("#f-amount").value = chosen || !asked ? "" : asked.amount;
  quoted(chosen ?? asked);
}

async function models() {
  const { init } = state;
  const asked = { publishableKey: init.publishable_key, model: init.model, inputTokens: init.input_tokens, outputTokens: init.output_tokens };
  try {
    const { models, token_assumption } = await api.pricing(asked);
    state.prices = models.filter((model) => model.credits_per_request > 0);
    state.tokens = token_assumption;
  } catch {
    // An unknown model, say: the purchase does not depend on the estimate.
    state.prices = [];
  }
  const options = state.prices.map((model) => new Option(model.id, model.id));
  $("#model").replaceChildren(...options);
  $("#model-field").hidden = options.length < 2;
  bill();
}

function quoted(price) {
  state.quoted = price ?? null;
  $("#pay").disabled = state.quoted === null;
  wrong("amount", null);
  bill();
}

/** What the chosen amount gives and costs. */
function bill() {
  const { quoted, sold } = state;
  if (!quoted) return;
  const shownMoney = (decimal) => money(decimal, sold.currency);
  const all = quoted.credits + quoted.bonus;
  $("[data-credits]").textContent =
    quoted.bonus > 0 ? phrase("bonus", { credits: credits(all), bonus: count(quoted.bonus) }) : credits(all);
  $("[data-price]").textContent = shownMoney(quoted.amount);
  $("[data-fee]").textContent = shownMoney(quoted.fee);
  $("#fee-line").hidden = Number(quoted.fee) === 0;
  $("[data-total]").textContent = shownMoney(quoted.total);
  const total = shownMoney(quoted.total);
  $("#pay").textContent = phrase(state.init.checkout_mode === "manual" ? "pay_link" : "pay", { total });
  const model = state.prices.find((one) => one.id === $("#model").value);
  $("#buys-line").hidden = !model;
  if (!model) return;
  const { input_tokens: input, output_tokens: output } = state.tokens ?? {};
  $("[data-buys]").textContent = phrase("buys", {
    count: count(Math.floor(all / model.credits_per_request)),
    model: model.id,
    input: count(input ?? TOKENS_DEFAULT),
    output: count(output ?? TOKENS_DEFAULT),
  });
}

let typing;

function typed() {
  clearTimeout(typing);
  for (const radio of document.querySelectorAll("#suggested input")) radio.checked = false;
  $("#pay").disabled = true;
  const amount = $("#f-amount").value.trim().replace(",", ".");
  typing = setTimeout(async () => {
    try {
      const { currencies } = amount ? await api.offer(amount) : { currencies: [] };
      const found = currencies.find((one) => one.currency === state.sold.currency);
      if ($("#f-amount").value.trim().replace(",", ".") !== amount) return;
      if (found?.asked) return quoted(found.asked);
    } catch (problem) {
      if (problem.status !== 400) return fail(problem.message);
    }
    const { sold } = state;
    wrong("amount", phrase("between", { min: money(sold.amount_min, sold.currency), max: money(sold.amount_max, sold.currency) }));
  }, TYPING_MS);
}

// Paying

/** A tab that a click may open. It is opened before the answer is there, since a browser allows none later. */
function openTab() {
  if (state.init.checkout_mode !== "embedded") return null;
  try {
    return window.open("about:blank", "_blank");
  } catch {
    return null;
  }
}

function fresh() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function pay() {
  if (!state.quoted) return;
  const tab = openTab();
  const here = new URL("/embed/", location.href).href;
  const body = {
    amount: state.quoted.amount,
    currency: state.sold.currency,
    success_url: `${here}paid`,
    cancel_url: `${here}cancelled`,
  };
  const receipt = $('[data-field="receipt"]');
  if (!receipt.hidden) body.email = $("#f-receipt").value.trim();
  try {
    const order = await api.begin(state.userKey, body, fresh());
    state.order = order;
    host.tell("checkout_opened", { user_key: state.userKey, checkout_url: order.checkout_url });
    const isOpen = send(tab, order.checkout_url);
    waitingStep(order.checkout_url, isOpen);
  } catch (problem) {
    tab?.close();
    if (problem.field === "email") {
      receipt.hidden = false;
      return wrong("receipt", body.email === undefined ? phrase("no_email") : problem.message);
    }
    failed(problem.message);
    if (problem.status === 401) keyEnded();
  }
}

/** The payment page must not reach back to this frame. */
function send(tab, url) {
  if (!tab) return false;
  try {
    tab.opener = null;
    tab.location.replace(url);
    return true;
  } catch {
    return false;
  }
}

function keyEnded() {
  state.userKey = null;
  show("email");
  fail(phrase("session_ended"));
}

function failed(message) {
  fail(message);
  host.tell("purchase_error", { message, error: message });
}

function waitingStep(url, isOpen) {
  const mode = state.init.checkout_mode;
  const text = mode === "manual" ? "waiting_link" : mode === "embedded" && !isOpen ? "waiting_blocked" : "waiting";
  $("#waiting").textContent = phrase(text);
  $("#open-page").href = url;
  $("#pay-url").hidden = mode !== "manual";
  $("#pay-url").textContent = url;
  $("#copied").textContent = "";
  show("waiting");
  $("#waiting").focus();
  poll(++state.polling, 0);
}

async function poll(turn, polls) {
  if (turn !== state.polling) return;
  try {
    const order = await api.order(state.userKey, state.order.id);
    if (turn !== state.polling) return;
    if (order.status === "paid") return await paid(order);
    if (order.status === "waiting_for_bank") $("#waiting").textContent = phrase("waiting_bank");
    else if (order.status !== "open") return notPaid();
  } catch (problem) {
    if (turn !== state.polling) return;
    // An answer may get lost; the payment does not.
    if (problem.status === 401) return keyEnded();
  }
  clearTimeout(state.timer);
  state.timer = setTimeout(() => poll(turn, polls + 1), polls < POLLS_FAST ? POLL_MS : POLL_SLOW_MS);
}

function notPaid() {
  state.polling += 1;
  show("amount");
  failed(phrase("not_paid"));
}

async function paid(order) {
  state.polling += 1;
  balanced(await api.balance(state.userKey).catch(() => state.balance));
  const added = order.credits + order.bonus;
  state.bought = true;
  const fields = { user_key: state.userKey, balance: state.balance, credits_added: added, can_close: false };
  host.tell("purchase_completed", fields);
  $("#bought").textContent = phrase("bought", { credits: credits(added) });
  await accountStep();
}

// The account

async function accountStep() {
  $("#bought").hidden = !state.bought;
  $("#close").textContent = phrase(state.bought ? "close" : "back");
  known("email", state.email);
  known("spent", null);
  known("cap", null);
  show("account");
  host.tell("account_details_shown");
  try {
    balanced(await api.balance(state.userKey));
    if (!api.token()) return;
    const { data } = await api.apps();
    const app = data.find((one) => one.id === state.app.id);
    if (!app) return;
    known("spent", money(app.spent_usd, "usd"));
    known("cap", app.cap_usd === null ? phrase("no_cap") : money(app.cap_usd, "usd"));
  } catch {
    // The figures beside the balance are not what the person came for.
  }
}

function dismiss() {
  state.bought = false;
  host.tell("account_details_dismissed");
  show("amount");
}

function copy() {
  const { checkout_url: url } = state.order;
  host.tell("copy_url", { url });
  $("#copied").textContent = phrase("copied");
  // A host without a clipboard of its own gets the event; elsewhere the frame may be allowed to.
  navigator.clipboard?.writeText(url).catch(() => {});
}

/** A host that cannot open windows opens the page itself. */
function follow(event, url) {
  if (state.init.checkout_mode !== "manual") return;
  event.preventDefault();
  host.tell("open_url", { url });
}

// What the person does

function refused(field, problem) {
  if (problem.status === 0 || problem.status >= 500) return fail(problem.message);
  wrong(field, problem.message);
}

function onSubmit(step, work) {
  $(`[data-step="${step}"]`).addEventListener("submit", (event) => {
    event.preventDefault();
    fail(null);
    busy(work).catch(stuck);
  });
}

onSubmit("email", sendCode);
onSubmit("code", signIn);
onSubmit("accept", agree);
onSubmit("connect", () => connect($("#cap-connect").value));
onSubmit("amount", pay);
$("#f-amount").addEventListener("input", typed);
$("#model").addEventListener("change", bill);
$("#open-page").addEventListener("click", (event) => follow(event, state.order.checkout_url));
$("#manage").addEventListener("click", (event) => follow(event, $("#manage").href));

const DOES = {
  "other-address": () => show("email"),
  passkey: () => {
    fail(null);
    return busy(() => usePasskey());
  },
  "sign-out": signOut,
  account: accountStep,
  copy,
  back: () => {
    state.polling += 1;
    show("amount");
  },
  close: dismiss,
};
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-do]");
  if (button) Promise.resolve(DOES[button.dataset.do]()).catch(stuck);
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") host.tell("close_requested");
});
// Who comes back from the other tab need not wait for the next turn.
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && state.order && shown() === "waiting") poll(++state.polling, 0);
});

// They are on the page only where the service has a domain.
if (passkey.isKnown && $("#passkey")) $(passkey.isForbidden() ? "#no-passkey" : "#passkey").hidden = false;
if (host.isFramed) host.listen((init, origin) => greet(init, origin).catch(stuck));
else show("refused");
