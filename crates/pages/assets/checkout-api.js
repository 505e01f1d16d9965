// Calls of the service for the checkout, each with the credential that it needs: none, the session, or the app's user key.

import { forget, keep, Refusal, token, words } from "./session.js";

export { forget, keep, Refusal, token };

async function call(method, path, { bearer, body, headers = {} } = {}) {
  const sent = { Accept: "application/json", ...headers };
  if (bearer) sent.Authorization = `Bearer ${bearer}`;
  if (body) sent["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(path, { method, headers: sent, body: body && JSON.stringify(body), credentials: "omit", cache: "no-store" });
  } catch {
    throw new Refusal(0, { message: words.offline });
  }
  let json = null;
  try {
    json = await answer.json();
  } catch {
    // No body, or none for people.
  }
  if (answer.ok) return json;
  throw new Refusal(answer.status, json?.error ?? {}, answer.headers.get("x-request-id"));
}

const query = (values) => new URLSearchParams(Object.entries(values).filter(([, value]) => value !== undefined && value !== null));

export const config = (publishable_key, origin) => call("GET", `/embed/config?${query({ publishable_key, origin })}`);
export const sendCode = (email) => call("POST", "/v1/auth/code", { body: { email } });
export const passkeyOptions = () => call("POST", "/v1/auth/passkey/options", { body: {} });
export const signIn = (body) => call("POST", "/v1/auth/session", { body });
export const whoAmI = () => call("GET", "/v1/auth/session", { bearer: token() });
export const signOut = () => call("DELETE", "/v1/auth/session", { bearer: token() });
export const connect = (publishable_key, cap_usd) => call("POST", "/v1/apps", { bearer: token(), body: { publishable_key, ...(cap_usd && { cap_usd }) } });
export const apps = () => call("GET", "/v1/apps", { bearer: token() });
export const balance = async (key) => (await call("GET", "/v1/credits/balance", { bearer: key })).balance;
export const offer = (amount) => call("GET", `/v1/credits/offer?${query({ amount })}`);
export const order = (key, id) => call("GET", `/v1/credits/orders/${encodeURIComponent(id)}`, { bearer: key });

export const pricing = ({ publishableKey, model, inputTokens, outputTokens }) =>
  call("GET", `/v1/credits/pricing?${query({ publishable_key: publishableKey, models: model, input_tokens: inputTokens, output_tokens: outputTokens })}`);

export const begin = (key, body, idempotencyKey) =>
  call("POST", "/v1/credits/checkout", { bearer: key, body, headers: { "Idempotency-Key": idempotencyKey } });
