// A reference: oidc-provider, where every person agrees at once.

import { Provider } from "oidc-provider";
import { createServer } from "node:http";

export const CLIENT = "reference";
export const REDIRECT = "http://127.0.0.1/back";

export async function start() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: CLIENT,
        redirect_uris: [REDIRECT],
        application_type: "native",
        token_endpoint_auth_method: "none",
        grant_types: ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"],
      },
    ],
    features: {
      devInteractions: { enabled: false },
      revocation: { enabled: true },
      deviceFlow: { enabled: true },
    },
    rotateRefreshToken: true,
    issueRefreshToken: () => true,
    findAccount: (context, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    cookies: { keys: ["a key of the reference"] },
    interactions: { url: (context, interaction) => `/interaction/${interaction.uid}` },
  });
  const answer = provider.callback();
  server.on("request", (request, response) => {
    if (!request.url.startsWith("/interaction/")) return answer(request, response);
    return agree(provider, request, response).catch((error) => response.writeHead(500).end(String(error)));
  });
  return { issuer, stop: () => server.close() };
}

async function agree(provider, request, response) {
  const { prompt, params, session, grantId } = await provider.interactionDetails(request, response);
  if (prompt.name === "login") {
    return provider.interactionFinished(request, response, { login: { accountId: "ada" } });
  }
  const grant = grantId
    ? await provider.Grant.find(grantId)
    : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  if (prompt.details.missingOIDCScope) grant.addOIDCScope(prompt.details.missingOIDCScope.join(" "));
  return provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } });
}

// Follows redirects as a browser does, with its cookies, until `isOver` or an answer that is none. A form is sent where one is given.
async function browse(cookies, url, { form, isOver = () => false } = {}) {
  let next = url;
  for (let step = 0; step < 20; step += 1) {
    const headers = { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join("; ") };
    const sent = step === 0 && form ? { method: "POST", body: new URLSearchParams(form) } : {};
    const answer = await fetch(next, { redirect: "manual", headers, ...sent });
    for (const line of answer.headers.getSetCookie()) {
      const [pair] = line.split(";");
      const at = pair.indexOf("=");
      cookies.set(pair.slice(0, at), pair.slice(at + 1));
    }
    const location = answer.headers.get("location");
    if (!location) return { url: next, status: answer.status, text: await answer.text() };
    next = new URL(location, next);
    if (isOver(next)) return { url: next };
  }
  throw new Error("the reference redirects for ever");
}

// Up to the client's own address.
export async function decide(url) {
  const { url: back, status, text } = await browse(new Map(), url, { isOver: (next) => next.href.startsWith(`${REDIRECT}?`) });
  if (status) throw new Error(`the reference answered ${status}: ${text}`);
  return back;
}

// Types the code, and confirms it.
export async function decideDevice(issuer, code) {
  const cookies = new Map();
  const page = new URL("/device", issuer);
  const secret = (text) => text.match(/name="xsrf" value="([^"]+)"/)[1];
  const asked = await browse(cookies, page);
  const shown = await browse(cookies, page, { form: { xsrf: secret(asked.text), user_code: code } });
  const form = { xsrf: secret(shown.text), user_code: code, confirm: "yes" };
  const { status, text } = await browse(cookies, page, { form });
  if (status !== 200 || !text.includes("Sign-in Success")) throw new Error(`the reference answered ${status}: ${text}`);
}
