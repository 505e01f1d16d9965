// The parts of the checkout that are shown: one step at a time, figures, and errors beside their fields.

const language = document.documentElement.lang;
const phrases = Object.fromEntries(
  [...document.querySelectorAll("#phrases [data-phrase]")].map((item) => [item.dataset.phrase, item.textContent]),
);

export const $ = (selector) => document.querySelector(selector);

// A text whose {name} are replaced by values.
export function phrase(name, values = {}) {
  return phrases[name].replace(/\{(\w+)\}/g, (whole, key) => values[key] ?? whole);
}

export function count(number) {
  return new Intl.NumberFormat(language, { maximumFractionDigits: 2, roundingMode: "trunc" }).format(number);
}

export function credits(number) {
  return number === 1 ? phrase("one_credit") : phrase("many_credits", { count: count(number) });
}

export function money(decimal, currency) {
  return new Intl.NumberFormat(language, { style: "currency", currency }).format(decimal);
}

// Fills every element that names a phrase.
export function fill(values) {
  for (const element of document.querySelectorAll("[data-fill]")) {
    if (element.dataset.fill in phrases) element.textContent = phrase(element.dataset.fill, values);
  }
}

// Shows one step, and brings the keyboard to its first field, else to the title.
export function show(step) {
  for (const element of document.querySelectorAll("[data-step]")) element.hidden = element.dataset.step !== step;
  fail(null);
  const field = $(`[data-step="${step}"]`).querySelector("input:not([type=radio], [type=checkbox])");
  if (step === "email" || step === "code") field.focus();
  else $("#app").focus();
}

export function shown() {
  return document.querySelector("[data-step]:not([hidden])").dataset.step;
}

// What went wrong, above the step.
export function fail(text) {
  const failure = $("#failure");
  failure.hidden = !text;
  failure.textContent = text ? text[0].toUpperCase() + text.slice(1) : "";
}

// What is wrong with a field, beside it; nothing where `text` is null.
export function wrong(name, text) {
  const [field, error] = [$(`#f-${name}`), $(`#f-${name}-error`)];
  error.hidden = !text;
  error.textContent = text ?? "";
  if (text) field.setAttribute("aria-invalid", "true");
  else field.removeAttribute("aria-invalid");
  if (text) field.focus();
}

// Runs something once, with the buttons of the step disabled.
export async function busy(work) {
  const step = $(`[data-step="${shown()}"]`);
  const buttons = [...step.querySelectorAll("button")].filter((button) => !button.disabled);
  buttons.forEach((button) => (button.disabled = true));
  document.documentElement.dataset.loading = "";
  try {
    return await work();
  } finally {
    buttons.forEach((button) => (button.disabled = false));
    delete document.documentElement.dataset.loading;
  }
}

// A line of a bill that is there only where its value is.
export function known(name, text) {
  const line = $(`[data-known="${name}"]`);
  line.hidden = text === null;
  if (text !== null) line.querySelector("dd").textContent = text;
}
