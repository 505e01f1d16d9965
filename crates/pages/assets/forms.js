// Forms that call the API: <form data-api="POST /v1/keys" data-then="reload">. An error stands beside its field, and in a
// summary above the form.
//
// Values are strings; data-type="integer", "boolean" or "list" makes them something else, and an empty one is left out.
// data-type="lines" is a list that may be empty.
// data-then is "reload", a path to go to, or absent: then the page's own script listens for "opencredits:done".

import { Refusal, api, words } from "./session.js";

function value(input) {
  if (input.type === "checkbox") return input.checked;
  const text = input.value.trim();
  if (input.dataset.type === "lines") return text.split(/\s+/).filter(Boolean);
  if (text === "") return undefined;
  switch (input.dataset.type) {
    case "integer":
      return Number.parseInt(text, 10);
    case "boolean":
      return text === "true";
    case "list":
      return text.split(/[\s,]+/).filter(Boolean);
    default:
      return text;
  }
}

export function values(form) {
  const body = {};
  for (const input of form.elements) {
    if (!input.name || input.disabled || (input.type === "radio" && !input.checked)) continue;
    const given = value(input);
    if (given !== undefined) body[input.name] = given;
  }
  return body;
}

export function clearErrors(form) {
  form.querySelector(".summary")?.remove();
  for (const wrong of form.querySelectorAll(".wrong")) wrong.hidden = true;
  for (const input of form.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
}

export function showError(form, error) {
  clearErrors(form);
  const told = error instanceof Refusal ? error.message : words.failed;
  const field = error.field ? form.querySelector(`[data-field="${CSS.escape(error.field)}"]`) : null;
  // People know a field by its label, programs by its name.
  const label = told.startsWith(`${error.field} `) && field?.querySelector("label")?.textContent.trim();
  const message = label ? label + told.slice(error.field.length) : told;
  const sentence = message.charAt(0).toUpperCase() + message.slice(1);
  const summary = document.createElement("div");
  summary.className = "notice bad summary";
  summary.setAttribute("role", "alert");
  summary.tabIndex = -1;
  const line = document.createElement("p");
  if (field) {
    const input = field.querySelector("input, select, textarea");
    const beside = field.querySelector(".wrong");
    beside.id ||= `${input.id}-error`;
    const described = new Set((input.getAttribute("aria-describedby") ?? "").split(" ").filter(Boolean));
    input.setAttribute("aria-describedby", [...described.add(beside.id)].join(" "));
    input.setAttribute("aria-invalid", "true");
    beside.textContent = sentence;
    beside.hidden = false;
    const link = document.createElement("a");
    link.href = `#${input.id}`;
    link.textContent = sentence;
    line.append(link);
  } else {
    line.textContent = sentence;
  }
  summary.append(line);
  if (error.status >= 500 && error.requestId) {
    const id = document.createElement("p");
    id.className = "muted";
    id.textContent = `${words.request_id} ${error.requestId}`;
    summary.append(id);
  }
  form.prepend(summary);
  summary.focus();
}

// Runs a step with the form's buttons disabled, and shows what it refuses.
export async function during(form, step) {
  const buttons = [...form.querySelectorAll("button")].filter((button) => !button.disabled);
  for (const button of buttons) button.disabled = true;
  form.setAttribute("aria-busy", "true");
  clearErrors(form);
  try {
    return await step();
  } catch (error) {
    if (!(error instanceof Refusal)) console.error(error);
    showError(form, error);
    return undefined;
  } finally {
    for (const button of buttons) button.disabled = false;
    form.removeAttribute("aria-busy");
  }
}

// Sends a form; gives whether it was done.
export async function submit(form) {
  const [method, path] = form.dataset.api.split(" ");
  const body = method === "GET" || method === "DELETE" ? undefined : values(form);
  let done = false;
  await during(form, async () => {
    const answer = await api(method, path, body);
    done = true;
    form.dispatchEvent(new CustomEvent("opencredits:done", { bubbles: true, detail: answer }));
  });
  return done;
}
