// What every page needs: the session in the header, pages fetched with it, forms, copying, dialogs, times, colours.

import { submit } from "./forms.js";
import { api, authorized, forget, signIn, store, stored, token, words } from "./session.js";

const root = document.documentElement;
const LANGUAGE = root.lang || "en";
const main = document.querySelector("main");
const isShell = "shell" in document.body.dataset;
// Pages that are filled with the session, by the part of the service. Each part has a header of its own.
const PARTS = { account: ["/dashboard", "/playground"], partner: ["/partner"], operator: ["/operator"] };
const FILLED = PARTS[document.body.dataset.area] ?? [];
const LOADING_MS = 300;
const LIVE_MS = 150;
const COPIED_MS = 2000;
const REFRESH_MS = 30000;

// The header.

function showWho() {
  const isSignedIn = token() !== null;
  for (const one of document.querySelectorAll(".signed-in")) one.hidden = !isSignedIn;
  for (const one of document.querySelectorAll(".signed-out")) one.hidden = isSignedIn;
  if (!isSignedIn) showBalance(null);
}

function showBalance(text, title = "") {
  const slot = document.querySelector("[data-balance-slot]");
  if (!slot) return;
  slot.hidden = text === null;
  slot.textContent = text ?? "";
  slot.title = title;
}

// A page says the balance itself: <span data-balance title="exact">1,240 credits</span>.
function takeBalance() {
  const own = main.querySelector("[data-balance]");
  if (own) showBalance(own.dataset.balance || own.textContent.trim(), own.title);
  return own !== null;
}

async function fetchBalance() {
  try {
    const { balance } = await api("GET", "/v1/credits/balance");
    const shown = Math.floor(balance * 100) / 100;
    const unit = balance === 1 ? words.credit : words.credits;
    showBalance(`${shown.toLocaleString(LANGUAGE, { maximumFractionDigits: 2 })} ${unit}`, `${balance} ${unit}`);
  } catch (error) {
    if (error.status === 401) {
      forget();
      showWho();
    }
  }
}

async function signOut() {
  try {
    await api("DELETE", "/v1/auth/session");
  } catch {
    // A session that has ended is as good as signed out.
  }
  forget();
  location.assign("/");
}

// Pages that are fetched with the session.

let running = null;

export async function load(url, how = {}) {
  running?.abort();
  const run = new AbortController();
  running = run;
  const slow = setTimeout(() => { root.dataset.loading = ""; }, LOADING_MS);
  main.setAttribute("aria-busy", "true");
  try {
    const headers = authorized({ Accept: "text/html", "OpenCredits-Fragment": "main" });
    const answer = await fetch(url, { headers, signal: run.signal, credentials: "omit", cache: "no-store" });
    if (answer.status === 401) {
      forget();
      signIn();
      return;
    }
    const html = await answer.text();
    if (how.push) history.pushState(null, "", url);
    show(html, how);
  } catch (error) {
    if (error.name === "AbortError") return;
    showOffline(url, how);
  } finally {
    if (running === run) {
      clearTimeout(slow);
      delete root.dataset.loading;
      main.removeAttribute("aria-busy");
    } else {
      clearTimeout(slow);
    }
  }
}

function show(html, how) {
  const page = new DOMParser().parseFromString(html, "text/html");
  if (page.title) document.title = page.title;
  // What had the focus is gone with the old content.
  const isFocusLost = main.contains(document.activeElement);
  main.replaceChildren(...page.body.childNodes);
  showPlace();
  // The operator's places are shown with an operator's page only.
  for (const nav of document.querySelectorAll("header nav[data-guarded]")) nav.hidden = !main.querySelector("[data-operator]");
  start();
  if (!(how.push || isFocusLost) || how.from?.again()) return;
  if (how.push) scrollTo(0, 0);
  const title = main.querySelector("h1") ?? main;
  title.tabIndex = -1;
  title.focus({ preventScroll: true });
}

// A link that sorts or filters the page that it stands on keeps the focus: the fresh content has the same link.
function kept(link) {
  const where = ["thead", ".choices"].find((part) => link.closest(part));
  if (!where || link.pathname !== location.pathname) return null;
  const text = link.firstChild.textContent;
  const again = () => {
    const same = [...main.querySelectorAll(`${where} a`)].find((one) => one.firstChild.textContent === text);
    same?.focus({ preventScroll: true });
    return same !== undefined;
  };
  return { again };
}

// Which word of the header leads here, or to the list that this page belongs to.
function showPlace() {
  for (const link of document.querySelectorAll("header nav a")) {
    const isHere = link.pathname === location.pathname;
    const isAbove = link.pathname.lastIndexOf("/") > 0 && location.pathname.startsWith(`${link.pathname}/`);
    if (isHere || isAbove) link.setAttribute("aria-current", isHere ? "page" : "true");
    else link.removeAttribute("aria-current");
  }
}

function showOffline(url, how) {
  const box = document.createElement("div");
  box.className = "narrow";
  const notice = document.createElement("div");
  notice.className = "notice bad";
  notice.setAttribute("role", "alert");
  const text = document.createElement("p");
  text.textContent = words.offline;
  const again = document.createElement("button");
  again.type = "button";
  again.textContent = words.retry;
  again.addEventListener("click", () => load(url, how));
  notice.append(text, again);
  box.append(notice);
  main.querySelector(":scope > .narrow > .notice.bad")?.parentElement.remove();
  main.querySelector("[data-waiting]")?.remove();
  main.prepend(box);
}

function isFilled(url) {
  return url.origin === location.origin && FILLED.some((path) => url.pathname === path || url.pathname.startsWith(`${path}/`));
}

// Each part of the service has places of its own in the header, so that a way into another part loads the whole page.
function partOf(path) {
  return ["/partner", "/operator"].find((part) => path === part || path.startsWith(`${part}/`)) ?? "/dashboard";
}

// A link that this page can follow without leaving it.
function followed(event) {
  if (!isShell || event.defaultPrevented || event.button !== 0) return null;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return null;
  const link = event.target.closest("a[href]");
  if (!link || link.target || link.hasAttribute("download")) return null;
  const url = new URL(link.href);
  const isPlaceOnPage = url.hash && url.pathname === location.pathname && url.search === location.search;
  const isSamePart = partOf(url.pathname) === partOf(location.pathname);
  return isFilled(url) && isSamePart && !isPlaceOnPage ? url : null;
}

// A part of a page that follows its form at once: <form method="get" data-live="#results">, and links in that part.

let waiting = 0;

function liveUrl(form) {
  const url = new URL(form.action);
  const given = [...new FormData(form)].filter(([, value]) => value !== "");
  url.search = new URLSearchParams(given).toString();
  return url;
}

async function refresh(url, selector) {
  running?.abort();
  const run = new AbortController();
  running = run;
  const slow = setTimeout(() => { root.dataset.loading = ""; }, LOADING_MS);
  try {
    const headers = authorized({ Accept: "text/html", "OpenCredits-Fragment": "main" });
    const answer = await fetch(url, { headers, signal: run.signal, credentials: "omit" });
    if (!answer.ok) throw new Error(`the page answered ${answer.status}`);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector(selector);
    if (!fresh) throw new Error(`the page has no ${selector}`);
    const focused = document.activeElement?.closest?.(`${selector} a[data-live]`)?.textContent;
    document.querySelector(selector).replaceWith(fresh);
    for (const link of focused ? fresh.querySelectorAll("a[data-live]") : []) if (link.textContent === focused) link.focus();
    history.replaceState(null, "", url);
    const sort = document.querySelector(`form[data-live="${selector}"] [name="sort"]`);
    if (sort) sort.value = new URL(url).searchParams.get("sort") ?? "";
    start();
  } catch (error) {
    if (error.name === "AbortError") return;
    location.assign(url);
  } finally {
    clearTimeout(slow);
    if (running === run) delete root.dataset.loading;
  }
}

document.addEventListener("input", (event) => {
  const form = event.target.form;
  if (!form?.dataset.live || !form.checkValidity()) return;
  clearTimeout(waiting);
  waiting = setTimeout(() => refresh(liveUrl(form).href, form.dataset.live), LIVE_MS);
});

// Things on the page.

async function copy(button) {
  const from = document.querySelector(button.dataset.copy);
  if (!from) return;
  try {
    await navigator.clipboard.writeText("value" in from ? from.value : from.textContent);
  } catch {
    getSelection().selectAllChildren(from);
    return;
  }
  const text = button.textContent;
  button.textContent = words.copied;
  setTimeout(() => { button.textContent = text; }, COPIED_MS);
}

const relative = new Intl.RelativeTimeFormat(LANGUAGE, { numeric: "auto" });
const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60]];

function showTimes() {
  for (const time of document.querySelectorAll("time[datetime]:not([data-exact])")) {
    const seconds = (Date.parse(time.dateTime) - Date.now()) / 1000;
    if (Number.isNaN(seconds)) continue;
    time.title ||= time.textContent;
    if (Math.abs(seconds) > 30 * 86400) continue;
    const unit = UNITS.find(([, size]) => Math.abs(seconds) >= size);
    time.textContent = unit ? relative.format(Math.round(seconds / unit[1]), unit[0]) : words.now;
  }
}

function showTheme() {
  const chosen = stored("opencredits.theme") ?? "system";
  for (const button of document.querySelectorAll("[data-theme-choice]")) {
    button.setAttribute("aria-pressed", String(button.dataset.themeChoice === chosen));
  }
}

function chooseTheme(theme) {
  if (theme === "system") delete root.dataset.theme;
  else root.dataset.theme = theme;
  store("opencredits.theme", theme === "system" ? null : theme);
  showTheme();
}

// Starts what a new content needs.
function start() {
  for (const hidden of main.querySelectorAll(".copy[hidden], [data-script][hidden]")) hidden.hidden = false;
  for (const button of main.querySelectorAll(".copy:empty")) button.textContent = words.copy;
  for (const part of main.querySelectorAll("[data-module]")) {
    import(part.dataset.module).then((module) => module.start?.(part)).catch((error) => console.error(error));
  }
  takeBalance();
  showTimes();
  document.dispatchEvent(new CustomEvent("opencredits:shown"));
}

document.addEventListener("click", (event) => {
  const live = event.target.closest("a[data-live]");
  if (live && !event.metaKey && !event.ctrlKey && !event.shiftKey) {
    event.preventDefault();
    refresh(live.href, live.dataset.live);
    return;
  }
  const url = followed(event);
  if (url) {
    event.preventDefault();
    load(url.href, { push: true, from: kept(event.target.closest("a[href]")) });
    return;
  }
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.copy) copy(button);
  else if (button.dataset.themeChoice) chooseTheme(button.dataset.themeChoice);
  else if (button.dataset.open) document.getElementById(button.dataset.open)?.showModal();
  else if ("close" in button.dataset) button.closest("dialog")?.close();
  else if ("signOut" in button.dataset) signOut();
});

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (form.dataset.api) {
    event.preventDefault();
    if (!(await submit(form))) return;
    const then = form.dataset.then;
    if (then) form.closest("dialog")?.close();
    if (then === "reload") load(location.href);
    else if (then && isShell && isFilled(new URL(then, location.href))) load(then, { push: true });
    else if (then) location.assign(then);
    return;
  }
  if (form.dataset.live) {
    event.preventDefault();
    clearTimeout(waiting);
    refresh(liveUrl(form).href, form.dataset.live);
    return;
  }
  if (form.method !== "get" || !isShell) return;
  const url = new URL(form.action);
  if (!isFilled(url)) return;
  event.preventDefault();
  const given = [...new FormData(form, event.submitter)].filter(([, value]) => value !== "");
  url.search = new URLSearchParams(given).toString();
  load(url.href, { push: true });
});

// The menu of who has the operator's role leads to those pages. Nobody else's does.
async function showOperator(menu) {
  menu.dataset.asked = "";
  try {
    const { user } = await api("GET", "/v1/auth/session");
    if (user.role !== "operator") return;
    const link = document.createElement("a");
    link.href = "/operator";
    link.textContent = words.operator;
    menu.querySelector("div").prepend(link);
  } catch {
    delete menu.dataset.asked;
  }
}
document.addEventListener("toggle", (event) => {
  const menu = event.target;
  if (menu.open && menu.matches("details.menu.signed-in") && !("asked" in menu.dataset)) showOperator(menu);
}, true);

// A menu closes by Escape and by a click elsewhere.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});
document.addEventListener("pointerdown", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});

addEventListener("popstate", () => { if (isShell) load(location.href); });
addEventListener("storage", (event) => { if (event.key === "opencredits.session") showWho(); });

for (const group of document.querySelectorAll(".theme")) group.hidden = false;
showTheme();
showWho();
setInterval(showTimes, REFRESH_MS);
if (isShell && !token()) signIn();
else if (isShell) load(location.href);
else {
  start();
  if (token() && !takeBalance() && document.querySelector("[data-balance-slot]")) fetchBalance();
}
