"""A client of OAuth made of authlib, against a gateway. Each line that it prints is one thing that was checked."""

import json
import sys
from urllib.parse import parse_qs, urlsplit

import requests
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session

SETTINGS = json.loads(sys.argv[1])
ISSUER, CLIENT = SETTINGS["issuer"], SETTINGS["client_id"]
REDIRECT = "http://127.0.0.1:52001/back"


def check(name, holds):
    if not holds:
        raise SystemExit(f"does not hold: {name}")
    print(f"  {name}", flush=True)


def decide(url):
    query = urlsplit(url).query
    answer = requests.post(
        f"{ISSUER}/oauth/authorize",
        json={"query": query, "decision": "allow", "cap_usd": "2"},
        headers={"authorization": f"Bearer {SETTINGS['session']}"},
        timeout=10,
    )
    answer.raise_for_status()
    return answer.json()["redirect_to"]


metadata = requests.get(f"{ISSUER}/.well-known/oauth-authorization-server", timeout=10).json()
check("metadata names the issuer", metadata["issuer"] == ISSUER)
client = OAuth2Session(
    CLIENT,
    redirect_uri=REDIRECT,
    scope="inference",
    code_challenge_method="S256",
    token_endpoint_auth_method="none",
    token_endpoint=metadata["token_endpoint"],
)
verifier = "v" * 64
url, state = client.create_authorization_url(metadata["authorization_endpoint"], code_verifier=verifier)
back = decide(url)
parameters = parse_qs(urlsplit(back).query)
check("the answer has state and issuer", parameters["state"] == [state] and parameters["iss"] == [ISSUER])
token = client.fetch_token(metadata["token_endpoint"], authorization_response=back, code_verifier=verifier, state=state)
check("a code is exchanged for tokens", token["token_type"] == "Bearer" and token["refresh_token"])
resource = f"{ISSUER}/v1/credits/balance"
check("the access token works", client.get(resource).status_code == 200)
before = token["access_token"]
token = client.refresh_token(metadata["token_endpoint"], refresh_token=token["refresh_token"])
check("a refresh gives another access token", token["access_token"] != before)
check("which works", client.get(resource).status_code == 200)
try:
    client.fetch_token(metadata["token_endpoint"], authorization_response=back, code_verifier=verifier, state=state)
    check("a code is used once", False)
except OAuthError as error:
    check("a code that is used twice is invalid_grant", error.error == "invalid_grant")
headers = {"authorization": f"Bearer {token['access_token']}"}
check("and takes back what it gave", requests.get(resource, headers=headers, timeout=10).status_code == 401)
url, state = client.create_authorization_url(metadata["authorization_endpoint"], code_verifier=verifier)
token = client.fetch_token(
    metadata["token_endpoint"], authorization_response=decide(url), code_verifier=verifier, state=state
)
answer = client.revoke_token(metadata["revocation_endpoint"], token=token["access_token"])
check("an access token is revoked", answer.status_code == 200)
headers = {"authorization": f"Bearer {token['access_token']}"}
check("at once", requests.get(resource, headers=headers, timeout=10).status_code == 401)
