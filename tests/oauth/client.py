"""A client of OAuth made of authlib. It knows the server by its metadata alone. Each line that it prints is one thing that was
checked. How a person decides differs by server, so it asks whoever has started it."""

import json
import sys
import time
from urllib.parse import parse_qs, urlsplit

import requests
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session

SETTINGS = json.loads(sys.argv[1])
ISSUER, CLIENT, RESOURCE = SETTINGS["issuer"], SETTINGS["client_id"], SETTINGS["resource"]
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


def check(name, holds):
    if not holds:
        raise SystemExit(f"does not hold: {name}")
    print(f"  {name}", flush=True)


def person(decision):
    answer = requests.post(SETTINGS["person"], json=decision, timeout=30)
    if answer.status_code != 200:
        raise SystemExit(answer.text)
    return answer.text


def status(token):
    return requests.get(RESOURCE, headers={"authorization": f"Bearer {token}"}, timeout=10).status_code


metadata = requests.get(f"{ISSUER}/.well-known/{SETTINGS['metadata']}", timeout=10).json()
check("metadata names the issuer", metadata["issuer"] == ISSUER)
client = OAuth2Session(
    CLIENT,
    redirect_uri=SETTINGS["redirect_uri"],
    scope=SETTINGS["scope"],
    code_challenge_method="S256",
    token_endpoint_auth_method="none",
    token_endpoint=metadata["token_endpoint"],
)
verifier = "v" * 64


def authorized():
    endpoint, more = metadata["authorization_endpoint"], SETTINGS["more"]
    url, state = client.create_authorization_url(endpoint, code_verifier=verifier, **more)
    return person({"url": url}), state


def exchanged(back, state):
    return client.fetch_token(metadata["token_endpoint"], authorization_response=back, code_verifier=verifier, state=state)


back, state = authorized()
parameters = parse_qs(urlsplit(back).query)
check("the answer has state and issuer", parameters["state"] == [state] and parameters["iss"] == [ISSUER])
token = exchanged(back, state)
check("a code is exchanged for tokens", token["token_type"] == "Bearer" and token["refresh_token"])
check("the access token works", client.get(RESOURCE).status_code == 200)
before = token["access_token"]
token = client.refresh_token(metadata["token_endpoint"], refresh_token=token["refresh_token"])
check("a refresh gives another access token", token["access_token"] != before)
check("which works", client.get(RESOURCE).status_code == 200)
try:
    exchanged(back, state)
    check("a code is used once", False)
except OAuthError as error:
    check("a code that is used twice is invalid_grant", error.error == "invalid_grant")
check("and takes back what it gave", status(token["access_token"]) == 401)

token = exchanged(*authorized())
answer = client.revoke_token(metadata["revocation_endpoint"], token=token["access_token"])
check("an access token is revoked", answer.status_code == 200)
check("at once", status(token["access_token"]) == 401)

asked = {"client_id": CLIENT, "scope": SETTINGS["scope"]}
begun = requests.post(metadata["device_authorization_endpoint"], data=asked, timeout=10).json()
check("a terminal gets a code", begun["user_code"] and begun["verification_uri"])


def polled():
    return client.fetch_token(metadata["token_endpoint"], grant_type=DEVICE, device_code=begun["device_code"])


try:
    polled()
    check("it waits until the person decides", False)
except OAuthError as error:
    check("it waits until the person decides", error.error == "authorization_pending")
person({"user_code": begun["user_code"]})
time.sleep(begun.get("interval", 5) + 1)
check("and then gets a token that works", status(polled()["access_token"]) == 200)
