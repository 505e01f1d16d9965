// Passkeys of a virtual authenticator, which scenarios share.

import { equal, signedIn } from "./common.mjs";

const AUTHENTICATOR = {
  protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true,
  automaticPresenceSimulation: true,
};

/** Gives a tab an authenticator, which agrees to everything. */
export async function withAuthenticator(page) {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("WebAuthn.enable");
  await devtools.send("WebAuthn.addVirtualAuthenticator", { options: AUTHENTICATOR });
}

/** A new person whose passkey is in an authenticator of this tab, which must show a page of the service. */
export async function withPasskey(page) {
  await withAuthenticator(page);
  const person = await signedIn();
  const [status, text] = await register(page, person.token);
  equal(status, 201, `registering: ${text}`);
  return person;
}

/** Registers a passkey by the JSON interface, which runs in a page of the service, as passkeys do. */
async function register(page, session) {
  return page.evaluate(async (session) => {
    const headers = { authorization: `Bearer ${session}`, "content-type": "application/json" };
    const asked = await (await fetch("/v1/account/passkeys/options", { method: "POST", headers })).json();
    const options = asked.publicKey ?? asked;
    const made = await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) });
    const body = JSON.stringify({ challenge: asked.challenge ?? options.challenge, credential: made.toJSON(), name: "laptop" });
    const answer = await fetch("/v1/account/passkeys", { method: "POST", headers, body });
    return [answer.status, await answer.text()];
  }, session);
}
