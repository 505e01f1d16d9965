// Signing in: an address and a code or a link, or a passkey; and what a new person agrees to.

import { clearErrors, during } from "./forms.js";
import * as passkey from "./passkey.js";
import { Refusal, api, keep, words } from "./session.js";

const page = document.getElementById("sign-in");
const step = (name) => document.getElementById(`step-${name}`);
const email = document.getElementById("email");
const code = document.getElementById("code");

// The challenge of the last code, and what proves who signs in, until it is accepted.
let challenge = null;
let proof = null;
let terms = null;

function show(name) {
  for (const one of page.querySelectorAll(".step")) one.hidden = one.id !== `step-${name}`;
  const shown = step(name);
  if (shown instanceof HTMLFormElement) clearErrors(shown);
  (shown.querySelector("input:not([type=checkbox])") ?? shown.querySelector("input, button") ?? shown).focus();
}

// Where to go afterwards: a path of ours, and nowhere else.
function next() {
  const wanted = new URLSearchParams(location.search).get("to") ?? "/dashboard";
  try {
    const url = new URL(wanted, location.origin);
    const isOurs = url.origin === location.origin && wanted.startsWith("/") && !url.pathname.startsWith("/sign-in");
    // The whole address: the path of "/.//other.example" alone would name another host.
    return isOurs ? url.href : "/dashboard";
  } catch {
    return "/dashboard";
  }
}

async function finish(given, accept) {
  proof = given;
  try {
    const answer = await api("POST", "/v1/auth/session", accept ? { ...given, accept } : given);
    keep(answer.session_token);
    location.replace(next());
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== "terms_required") {
      if (given.code && error.status === 400) error.field ??= "code";
      throw error;
    }
    terms = error.metadata.terms_version;
    show("accept");
  }
}

function address(form) {
  const given = email.value.trim();
  if (given === "" || !email.checkValidity()) {
    throw new Refusal(0, { message: words.email_wrong, param: "email" });
  }
  for (const place of page.querySelectorAll("[data-address]")) place.textContent = given;
  return given;
}

async function sendCode(form) {
  ({ challenge } = await api("POST", "/v1/auth/code", { email: address(form) }));
  code.value = "";
  show("code");
}

async function sendLink(form) {
  await api("POST", "/v1/auth/link", { email: address(form) });
  show("link");
}

async function usePasskey(accept) {
  const used = await passkey.use(await api("POST", "/v1/auth/passkey/options", {}));
  if (!used) throw new Refusal(0, { message: words.passkey_failed });
  await finish({ passkey: used }, accept);
}

const submits = {
  "step-email": (form) => sendCode(form),
  "step-code": () => {
    const digits = code.value.replace(/\D/g, "");
    if (digits.length !== 6) throw new Refusal(0, { message: words.code_wrong, param: "code" });
    return finish({ challenge, code: digits });
  },
  "step-spend": () => finish({ link: linkToken }),
  "step-accept": (form) => {
    const isComplete = [...form.querySelectorAll("input")].every((input) => input.checked);
    if (!isComplete) throw new Refusal(0, { message: words.accept_both, param: "accept" });
    const accept = { terms, age_16: true };
    // The challenge of a passkey is used up by its first answer.
    return proof.passkey ? usePasskey(accept) : finish(proof, accept);
  },
};

const clicks = {
  link: () => during(step("email"), () => sendLink(step("email"))),
  passkey: () => during(step("email"), () => usePasskey()),
  again: () => during(step("code"), () => sendCode(step("code"))),
  back: () => show("email"),
};

page.addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.target;
  during(form, async () => submits[form.id](form));
});
page.addEventListener("click", (event) => {
  const button = event.target.closest("[data-do]");
  if (button) clicks[button.dataset.do]();
});
code?.addEventListener("input", () => {
  if (code.value.replace(/\D/g, "").length === 6 && step("code").ariaBusy !== "true") step("code").requestSubmit();
});

// The secret of a link is in the fragment, which is sent nowhere; it leaves the address bar at once.
let linkToken = null;
if (step("spend")) {
  linkToken = location.hash.slice(1);
  history.replaceState(null, "", location.pathname);
  if (!linkToken) show("no-link");
} else {
  page.querySelector("[data-passkey]").hidden = !passkey.isKnown;
  email.focus();
}
