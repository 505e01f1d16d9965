// The partner portal: the partner in the navigation, keys that are shown once, the preview of the checkout.

import { load } from "./app.js";
import { start as startDashboard } from "./dashboard.js";
import { during } from "./forms.js";
import { api, authorized } from "./session.js";

const FROM_FRAME = "opencredits";
const TO_FRAME = "opencredits_init";
const EVENTS_MAX = 50;
const WEB = /^https?:$/;

// Who runs several partners stays with the one that they look at.
function keepPartner(id) {
  for (const link of document.querySelectorAll("header nav a")) {
    link.search = id ? new URLSearchParams({ partner: id }).toString() : "";
  }
}

function showKey(part, key) {
  for (const dialog of part.querySelectorAll("dialog[open]")) dialog.close();
  const made = part.querySelector("#made");
  made.querySelector("#secret").textContent = key;
  // Leaving by Escape is as good as the button: the list has the key then.
  made.addEventListener("close", () => {
    made.querySelector("#secret").textContent = "";
    load(location.href);
  }, { once: true });
  made.showModal();
}

function showSent(part, { data, test }) {
  const sent = part.querySelector("#sent");
  sent.querySelector("[data-has-key]").hidden = !test;
  sent.querySelector("#test-key").textContent = test?.key ?? "";
  sent.addEventListener("close", () => {
    sent.querySelector("#test-key").textContent = "";
    load(`/partner?${new URLSearchParams({ partner: data.id })}`, { push: true });
  }, { once: true });
  sent.showModal();
}

// The preview: the frame is that of the SDK, and this page takes the part of the app's.

let key = null;

function revoke() {
  if (!key) return;
  const path = key.path;
  key = null;
  fetch(path, { method: "DELETE", headers: authorized(), keepalive: true, credentials: "omit" }).catch(() => {});
}

async function keyOf(partner) {
  if (key?.partner === partner) return key.text;
  const made = await api("POST", `/v1/partners/${partner}/test-keys`, { name: "preview" });
  key = { partner, text: made.key, path: `/v1/partners/${partner}/test-keys/${made.data.id}` };
  return key.text;
}

function log(list, event, fields) {
  const shown = Object.entries(fields).map(([name, value]) => {
    // A key is no text for a screen.
    const text = name === "user_key" ? `${String(value).slice(0, 11)}…` : JSON.stringify(value);
    return `${name}: ${text}`;
  });
  list.querySelector(".muted")?.remove();
  const line = document.createElement("li");
  line.textContent = shown.length > 0 ? `${event} (${shown.join(", ")})` : event;
  list.append(line);
  while (list.children.length > EVENTS_MAX) list.firstElementChild.remove();
  list.scrollTop = list.scrollHeight;
}

function opens(mode, event) {
  return (mode === "new_tab" && event === "checkout_opened") || (mode === "manual" && event === "open_url");
}

function startPreview(part, form) {
  const frame = part.querySelector("[data-frame]");
  const box = part.querySelector("[data-log]");
  const list = part.querySelector("[data-events]");
  let init = null;
  const hear = (message) => {
    if (message.source !== frame.contentWindow || message.origin !== location.origin) return;
    const said = message.data;
    if (said === null || typeof said !== "object" || said.source !== FROM_FRAME) return;
    const { source, event, ...fields } = said;
    log(list, event, fields);
    if (event === "ready" && init) frame.contentWindow.postMessage(init, location.origin);
    const url = fields.checkout_url ?? fields.url;
    if (opens(init?.checkout_mode, event) && WEB.test(new URL(url, location.href).protocol)) window.open(url, "_blank", "noopener");
  };
  addEventListener("message", hear);
  addEventListener("pagehide", revoke);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    during(form, async () => {
      const userKey = await keyOf(part.dataset.partner);
      const { mode, amount, model } = form.elements;
      init = { source: TO_FRAME, publishable_key: form.dataset.key, checkout_mode: mode.value, user_key: userKey };
      if (amount.value.trim()) init.amount = Number(amount.value.trim().replace(",", "."));
      if (model.value) init.model = model.value;
      frame.hidden = false;
      box.hidden = false;
      frame.src = `/embed/checkout.html?${new URLSearchParams({ pk: form.dataset.key })}`;
      form.querySelector("button").textContent = form.dataset.again;
    });
  });
  document.addEventListener("opencredits:shown", function gone() {
    if (part.isConnected) return;
    revoke();
    removeEventListener("message", hear);
    removeEventListener("pagehide", revoke);
    document.removeEventListener("opencredits:shown", gone);
  });
}

export function start(part) {
  startDashboard(part);
  keepPartner("many" in part.dataset ? part.dataset.partner : "");
  part.addEventListener("opencredits:done", (event) => {
    const { dataset } = event.target;
    if ("makes" in dataset) showKey(part, event.detail.key);
    else if ("apply" in dataset) showSent(part, event.detail);
  });
  part.addEventListener("click", (event) => {
    const button = event.target.closest("[data-made-seen], [data-sent-seen]");
    button?.closest("dialog").close();
  });
  const form = part.querySelector("[data-preview]");
  if (form) startPreview(part, form);
}
