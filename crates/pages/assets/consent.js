// Consent: asks a person to sign in, and sends what they decide. The query goes along as it came, and the server reads it
// again.

import { api, authorized, forget, signIn, token } from "./session.js";
import { during, values } from "./forms.js";

export async function start(part) {
  const kind = part.dataset.kind;
  if (kind === "device_enter" && part.querySelector("[name=user_code]").value) await showTerminal(part);
  const form = part.querySelector("form.decide");
  if (!form) return;
  part.querySelector(".ask-sign-in").hidden = true;
  const who = await whoIsIt();
  if (!who) {
    askToSignIn(part);
    return;
  }
  const name = part.querySelector(".who-decides");
  name.querySelector("strong").textContent = who.user.email ?? who.user.id;
  name.hidden = false;
  form.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    during(form, () => decide(part, form, event.submitter?.value ?? "allow"));
  });
}

async function whoIsIt() {
  if (!token()) return null;
  try {
    return await api("GET", "/v1/auth/session");
  } catch (error) {
    if (error.status !== 401) throw error;
    forget();
    return null;
  }
}

function askToSignIn(part) {
  const ask = part.querySelector(".ask-sign-in");
  ask.hidden = false;
  ask.querySelector(".sign-in").addEventListener("click", signIn);
}

async function decide(part, form, decision) {
  const given = values(form);
  const cap = { cap_usd: given.cap_usd, cap_reset: given.cap_reset ?? null };
  const about = form.dataset.code ? { user_code: form.dataset.code } : { query: location.search.slice(1) };
  const path = new URL(form.action).pathname;
  const answer = await api("POST", path, { ...about, decision, ...(decision === "allow" ? cap : {}) });
  form.hidden = true;
  part.querySelector(`.done-${decision}`).hidden = false;
  // The address may hold a key: it takes this page's place in the history.
  if (answer.redirect_to) location.replace(answer.redirect_to);
}

// What the terminal with this code asks for is told to signed-in people alone.
async function showTerminal(part) {
  if (!(await whoIsIt())) {
    signIn();
    return;
  }
  const headers = authorized({ Accept: "text/html", "OpenCredits-Fragment": "main" });
  const answer = await fetch(location.href, { headers, credentials: "omit", cache: "no-store" });
  if (!(answer.headers.get("content-type") ?? "").startsWith("text/html")) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const next = page.querySelector("[data-module]");
  if (!next) return;
  document.title = page.title;
  part.replaceWith(next);
  await start(next);
}
