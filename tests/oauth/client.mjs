// A client of OAuth made of oauth4webapi. It knows the server by its metadata alone. Each line that it prints is one thing that
// was checked. How a person decides differs by server, so that is an argument.

import * as oauth from "oauth4webapi";

const insecure = { [oauth.allowInsecureRequests]: true };

function check(name, holds) {
  if (!holds) throw new Error(`does not hold: ${name}`);
  console.log(`  ${name}`);
}

// The code of the error that a request is answered with.
async function refusal(run) {
  try {
    await run();
  } catch (error) {
    if (error instanceof oauth.ResponseBodyError) return error.error;
    throw error;
  }
  return null;
}

// server: issuer, algorithm ("oauth2" or "oidc"), clientId, redirectUri, scope, resource (a URL that takes the access token),
// decide(url): gives the redirect's URL, decideDevice(userCode), slowsDown: whether questions that come too early are told so.
export async function run(server) {
  const issuer = new URL(server.issuer);
  const found = await oauth.discoveryRequest(issuer, { algorithm: server.algorithm, ...insecure });
  const as = await oauth.processDiscoveryResponse(issuer, found);
  check("metadata is found at its well-known address", as.token_endpoint !== undefined);
  check("S256 is offered", as.code_challenge_methods_supported.includes("S256"));
  const client = { client_id: server.clientId, token_endpoint_auth_method: "none" };
  const auth = oauth.None();

  const authorize = async (state) => {
    const verifier = oauth.generateRandomCodeVerifier();
    const url = new URL(as.authorization_endpoint);
    const asked = {
      client_id: client.client_id,
      redirect_uri: server.redirectUri,
      response_type: "code",
      scope: server.scope,
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: "S256",
      state,
      ...server.more,
    };
    for (const [name, value] of Object.entries(asked)) url.searchParams.set(name, value);
    const back = new URL(await server.decide(url));
    return { verifier, back, parameters: oauth.validateAuthResponse(as, client, back, state) };
  };
  const exchange = (parameters, verifier) =>
    oauth.authorizationCodeGrantRequest(as, client, auth, parameters, server.redirectUri, verifier, insecure);
  const granted = async (response) => oauth.processAuthorizationCodeResponse(as, client, response);

  const first = await authorize(oauth.generateRandomState());
  check("the answer names its issuer", first.back.searchParams.get("iss") === as.issuer);
  const tokens = await granted(await exchange(first.parameters, first.verifier));
  check("a code is exchanged for tokens", tokens.access_token !== undefined && tokens.refresh_token !== undefined);
  const use = async (token) => {
    const headers = { authorization: `Bearer ${token}` };
    return (await fetch(server.resource, { headers })).status;
  };
  check("the access token works", (await use(tokens.access_token)) === 200);

  const refreshed = await oauth.processRefreshTokenResponse(
    as,
    client,
    await oauth.refreshTokenGrantRequest(as, client, auth, tokens.refresh_token, insecure),
  );
  check("a refresh gives another access token", refreshed.access_token !== tokens.access_token);
  check("and another refresh token", refreshed.refresh_token !== tokens.refresh_token);
  check("which works", (await use(refreshed.access_token)) === 200);

  const again = await refusal(async () => granted(await exchange(first.parameters, first.verifier)));
  check("a code that is used twice is invalid_grant", again === "invalid_grant");
  check("and takes back what it gave", (await use(refreshed.access_token)) === 401);

  const wrong = await authorize(oauth.generateRandomState());
  const proof = oauth.generateRandomCodeVerifier();
  const refused = await refusal(async () => granted(await exchange(wrong.parameters, proof)));
  check("a wrong verifier is invalid_grant", refused === "invalid_grant");

  const last = await authorize(oauth.generateRandomState());
  const ended = await granted(await exchange(last.parameters, last.verifier));
  const revoke = (token) => oauth.revocationRequest(as, client, auth, token, insecure);
  await oauth.processRevocationResponse(await revoke(ended.refresh_token));
  check("a revoked connection stops within a second", await stops(() => use(ended.access_token)));
  await oauth.processRevocationResponse(await revoke("nothing"));
  check("revoking what is not known is no error", true);
  await device(as, client, auth, server, use);
}

async function stops(use) {
  const until = Date.now() + 1000;
  while (Date.now() < until) if ((await use()) === 401) return true;
  return false;
}

async function device(as, client, auth, server, use) {
  const asked = await oauth.deviceAuthorizationRequest(as, client, auth, { scope: server.scope }, insecure);
  const begun = await oauth.processDeviceAuthorizationResponse(as, client, asked);
  check("a terminal gets a code", begun.user_code !== undefined && begun.verification_uri !== undefined);
  const poll = async () => {
    const response = await oauth.deviceCodeGrantRequest(as, client, auth, begun.device_code, insecure);
    return oauth.processDeviceCodeResponse(as, client, response);
  };
  check("and waits until the person decides", (await refusal(poll)) === "authorization_pending");
  if (server.slowsDown) check("a question that comes too early is slow_down", (await refusal(poll)) === "slow_down");
  await server.decideDevice(begun.user_code);
  await new Promise((resolve) => setTimeout(resolve, ((begun.interval ?? 5) + 5) * 1000));
  const tokens = await poll();
  check("and then gets a token that works", (await use(tokens.access_token)) === 200);
}
