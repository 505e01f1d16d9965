// Acts of an operator: the first step asks what will happen, and the second one does it. Downloads.

import { load } from "./app.js";
import { save } from "./download.js";
import { during, values } from "./forms.js";
import { Refusal, api, authorized, words } from "./session.js";

// The page of what an act will do.
async function preview(act) {
  const headers = authorized({ Accept: "text/html", "Content-Type": "application/json", "OpenCredits-Fragment": "main" });
  let answer;
  try {
    answer = await fetch("/operator/preview", { method: "POST", headers, body: JSON.stringify({ act }), credentials: "omit", cache: "no-store" });
  } catch {
    throw new Refusal(0, { message: words.offline });
  }
  const text = await answer.text();
  if (answer.ok) return new DOMParser().parseFromString(text, "text/html").querySelector("[data-seen]");
  let json = null;
  try {
    json = JSON.parse(text);
  } catch {
    // An answer that is no JSON has no message for people.
  }
  throw new Refusal(answer.status, json?.error ?? {}, answer.headers.get("x-request-id"));
}

function show(form, isSeen) {
  for (const part of form.querySelectorAll("[data-ask]")) part.hidden = isSeen;
  for (const part of form.querySelectorAll("[data-preview], [data-do], [data-again]")) part.hidden = !isSeen;
}

function givenIn(form) {
  const act = { do: form.dataset.act, ...values(form) };
  for (const box of form.querySelectorAll('input[type="checkbox"]')) if (!box.checked) delete act[box.name];
  return act;
}

async function look(form) {
  const act = givenIn(form);
  const seen = await preview(act);
  form.querySelector("[data-preview]").replaceChildren(seen);
  form.act = { act, id: seen.querySelector("[data-id]").value, confirm: seen.querySelector("[data-confirm]").value };
  show(form, true);
  form.querySelector("[data-do]").focus();
}

function reveal(dialog, secret) {
  dialog.querySelector("form").hidden = true;
  const box = dialog.querySelector("[data-secret]");
  box.querySelector("code").textContent = secret;
  box.hidden = false;
}

async function act(form) {
  const done = await api("POST", "/v1/operator/actions", form.act);
  const dialog = form.closest("dialog");
  const secret = done?.key ?? done?.test?.key;
  if (typeof secret === "string") {
    reveal(dialog, secret);
  } else {
    dialog.close();
    load(location.href);
  }
}

async function download(part, button) {
  button.disabled = true;
  part.querySelector(":scope > .failed")?.remove();
  try {
    await save(button.dataset.download, button.dataset.file);
  } catch (error) {
    const notice = document.createElement("p");
    notice.className = "notice bad failed";
    notice.setAttribute("role", "alert");
    notice.textContent = error instanceof Refusal ? error.message : words.failed;
    part.prepend(notice);
  } finally {
    button.disabled = false;
  }
}

export function start(part) {
  part.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-act]");
    if (!form) return;
    event.preventDefault();
    during(form, () => (form.querySelector("[data-do]").hidden ? look(form) : act(form)));
  });
  part.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.download) download(part, button);
    if ("again" in button.dataset) show(button.form, false);
    if ("shown" in button.dataset) {
      button.closest("dialog").close();
      load(location.href);
    }
  });
}
