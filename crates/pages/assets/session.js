// The session of this browser, and calls of the API with it. The token is in local storage, and in memory where storage is
// forbidden.

const KEY = "opencredits.session";
const DATA = document.getElementById("words");
let inMemory = null;

export const words = DATA ? JSON.parse(DATA.textContent) : {};

export function store(key, value) {
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    // Storage may be full or forbidden: memory holds until the page is left.
  }
}

export function stored(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

export function token() {
  return stored(KEY) ?? inMemory;
}

export function keep(value) {
  inMemory = value;
  store(KEY, value);
}

export function forget() {
  keep(null);
}

// Headers with the session, where there is one.
export function authorized(more = {}) {
  const value = token();
  return value ? { ...more, Authorization: `Bearer ${value}` } : more;
}

// What an API call refused: its message, the field that it is about, and its code.
export class Refusal extends Error {
  constructor(status, error = {}, requestId = null) {
    super(error.message ?? words.failed);
    this.status = status;
    this.metadata = error.metadata ?? {};
    this.code = this.metadata.error_type ?? error.type ?? null;
    this.field = error.param ?? this.metadata.param ?? null;
    this.requestId = requestId;
  }
}

// Calls the API and gives the JSON of its answer; throws a Refusal.
export async function api(method, path, body) {
  const headers = authorized({ Accept: "application/json" });
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "omit",
      cache: "no-store",
    });
  } catch {
    throw new Refusal(0, { message: words.offline });
  }
  const text = await answer.text();
  let json = null;
  try {
    json = text ? JSON.parse(text) : null;
  } catch {
    // An answer that is no JSON has no message for people.
  }
  if (answer.ok) return json;
  throw new Refusal(answer.status, json?.error ?? {}, answer.headers.get("x-request-id"));
}

// Sends the browser to sign in, and back to where it is.
export function signIn() {
  const here = location.pathname + location.search;
  location.assign(here.startsWith("/sign-in") ? "/sign-in" : `/sign-in?to=${encodeURIComponent(here)}`);
}
