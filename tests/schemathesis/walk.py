"""Requests that made-up ones do not find, such as those with a mailed code: each must succeed, as the document says."""

import base64
import copy
import hashlib
import hmac
import json
import re
import sys
import time
from urllib.parse import parse_qs, urlencode, urlsplit

import jsonschema_rs

from authenticator import Authenticator
from hooks import close

# Of RFC 7636.
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


def parameter(url, name):
    return parse_qs(urlsplit(url).query)[name][0]


class Walk:
    def __init__(self, gateway, document, keys):
        self.gateway, self.document, self.keys = gateway, document, dict(keys)
        self.email = "ada@example.org"
        self.components = copy.deepcopy(document["components"])
        close(self.components["schemas"])
        self.done = set()

    def step(self, method, path, body=None, by=None, more=None, **parts):
        """A request by a kind of key; its answer must be a success, and fit."""
        address = path.format(**{name: parts.pop(name) for name in list(parts) if f"{{{name}}}" in path})
        address += "?" + "&".join(f"{name}={value}" for name, value in parts.items()) if parts else ""
        status, found, _ = self.gateway.call(method, address, body, self.keys.get(by), more)
        answers = self.document["paths"][path][method.lower()]["responses"]
        if not 200 <= status < 300 or str(status) not in answers:
            sys.exit(f"{method} {path} answered {status}: {found}")
        content = answers[str(status)].get("content", {}).get("application/json")
        if content:
            validator = jsonschema_rs.validator_for({**content["schema"], "components": self.components})
            for error in validator.iter_errors(found):
                sys.exit(f"{method} {path} does not fit the document: {error}")
        self.done.add(f"{method.lower()} {path}")
        return found

    def confirmed(self, purpose):
        """A challenge with its code, for a purpose of who is signed in."""
        offset = len(self.gateway.text())
        sent = self.step("POST", "/v1/auth/code", {"purpose": purpose}, "session")
        return {"challenge": sent["challenge"], "code": self.gateway.mailed_code(offset, self.email)}

    def inference(self):
        """Each API once."""
        said = [{"role": "user", "content": "Hello"}]
        self.step("POST", "/v1/chat/completions", {"model": "sandbox/gpt", "messages": said}, "user_key")
        self.step("POST", "/v1/responses", {"model": "sandbox/gpt", "input": "Hello"}, "user_key")
        messages = {"model": "sandbox/claude", "messages": said}
        self.step("POST", "/v1/messages", messages | {"max_tokens": 20}, "user_key")
        self.step("POST", "/v1/messages/count_tokens", messages, "user_key")
        contents = {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]}
        for act in ("generateContent", "streamGenerateContent", "countTokens"):
            self.step("POST", f"/v1beta/models/{{model}}:{act}", contents, "user_key", model="sandbox%2Fgpt")
        texts = {"model": "sandbox/vectors", "input": ["Hello", "you"], "dimensions": 8}
        self.step("POST", "/v1/embeddings", texts, "user_key")

    def reads(self, known):
        """Whatever only reads, with the first kind of key that may."""
        for path, item in self.document["paths"].items():
            if "get" not in item or f"get {path}" in self.done:
                continue
            by = next((name for way in item["get"].get("security", []) for name in way), None)
            self.step("GET", path, None, by, **({"model": "sandbox%2Fgpt"} if "{model}" in path else known.get(path, {})))

    def prices(self):
        self.step("POST", "/v1/credits/pricing", {"models": ["sandbox/gpt"], "input_tokens": 100})

    def keys_of_a_person(self):
        made = self.step("POST", "/v1/keys", {"name": "walk", "limit": 5, "limit_reset": "daily"}, "management_key")
        self.step("PATCH", "/v1/keys/{id}", {"limit": "2.5", "limit_reset": None}, "management_key", id=made["data"]["id"])
        self.step("DELETE", "/v1/keys/{id}", None, "management_key", id=made["data"]["id"])

    def purchases(self):
        bought = {"amount": "25", "currency": "usd", "email": "ada@example.org", "save_method": True}
        order = self.step("POST", "/v1/credits/checkout", bought, "management_key")
        self.gateway.pay(order["checkout_url"])
        self.step("GET", "/v1/credits/orders/{id}", None, "management_key", id=order["id"])
        self.step("GET", "/v1/credits/orders", None, "management_key")
        self.step("POST", "/v1/credits/portal", None, "management_key")
        rule = {"threshold": 100, "amount": "10", "monthly_max": "50"}
        self.step("PUT", "/v1/credits/top-up", rule, "management_key")
        self.step("DELETE", "/v1/credits/top-up", None, "management_key")

    def event(self, secret):
        """What the payment processor sends once a purchase was paid."""
        order = self.step("POST", "/v1/credits/checkout", {"amount": "25", "email": self.email}, "management_key")
        self.gateway.pay(order["checkout_url"])
        page = {"id": order["checkout_url"].rsplit("/", 1)[1], "object": "checkout.session"}
        event = {"id": "evt_walk", "object": "event", "type": "checkout.session.completed", "livemode": False}
        body, at = json.dumps(event | {"data": {"object": page}}).encode(), int(time.time())
        signed = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
        self.step("POST", "/webhooks/stripe", body, more={"stripe-signature": f"t={at},v1={signed}"})

    def apps(self, publishable):
        connects = {"publishable_key": publishable, "cap_usd": "5", "cap_reset": "monthly"}
        app = self.step("POST", "/v1/apps", connects, "session")["app"]["id"]
        self.step("GET", "/v1/apps/{id}", None, "session", id=app)
        self.step("PATCH", "/v1/apps/{id}", {"cap_usd": 7, "cap_reset": None}, "session", id=app)
        self.step("DELETE", "/v1/apps/{id}", None, "session", id=app)
        self.step("GET", "/embed/config", publishable_key=publishable, origin=self.gateway.url)

    def terminal(self, publishable):
        """The device flow of OAuth."""
        client = {"client_id": publishable}
        codes = self.step("POST", "/oauth/device_authorization", urlencode(client))
        self.step("POST", "/device", {"user_code": codes["user_code"], "decision": "allow"}, "session")
        grant = {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "device_code": codes["device_code"]}
        tokens = self.step("POST", "/oauth/token", urlencode(client | grant))
        self.step("POST", "/oauth/revoke", urlencode(client | {"token": tokens["refresh_token"]}))

    def decided(self, path, asked):
        """Where a person is led who allows what an app asks for."""
        answer = self.step("POST", path, {"query": urlencode(asked), "decision": "allow", "cap_usd": "3"}, "session")
        return answer["redirect_to"]

    def consents(self, partner):
        """The ways to a key that lead over a page of ours."""
        back, of_machine = "https://walk.example/back", "com.example.walk:/key"
        lists = {"name": "consents", "redirect_urls": [back, of_machine]}
        made = self.step("POST", "/v1/partners/{id}/publishable-keys", lists, "management_key", id=partner)
        client = made["data"]["key"]
        pkce = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
        asked = {"response_type": "code", "client_id": client, "redirect_uri": back, "state": "a state"}
        code = parameter(self.decided("/oauth/authorize", asked | pkce), "code")
        grant = {"grant_type": "authorization_code", "client_id": client, "redirect_uri": back}
        self.step("POST", "/oauth/token", urlencode(grant | {"code": code, "code_verifier": VERIFIER}))
        code = parameter(self.decided("/auth", {"callback_url": back} | pkce), "code")
        self.step("POST", "/api/v1/auth/keys", {"code": code, "code_verifier": VERIFIER})
        key = parameter(self.decided("/connect", {"publishable_key": client, "redirect_url": of_machine}), "key")
        if not key.startswith("oc_sk_"):
            sys.exit("POST /connect leads to no key")

    def passkeys(self):
        device = Authenticator(self.gateway.url, "localhost")
        offered = self.step("POST", "/v1/account/passkeys/options", None, "session")
        registration = {"challenge": offered["challenge"], "credential": device.register(offered), "name": "laptop"}
        made = self.step("POST", "/v1/account/passkeys", registration, "session")["data"]["id"]
        asked = self.step("POST", "/v1/auth/passkey/options")
        proof = {"passkey": {"challenge": asked["challenge"], "credential": device.sign_in(asked)}}
        self.step("POST", "/v1/auth/session", proof)
        self.step("GET", "/v1/account/passkeys", None, "session")
        self.step("PATCH", "/v1/account/passkeys/{id}", {"name": "desk"}, "session", id=made)
        self.step("DELETE", "/v1/account/passkeys/{id}", self.confirmed("passkey_remove"), "session", id=made)

    def address(self):
        """The person gets another one."""
        new, offset = "ada@walk.example", len(self.gateway.text())
        sent = self.step("POST", "/v1/account/email", {"email": new}, "session")
        codes = {"code_old": self.gateway.mailed_code(offset, self.email), "code_new": self.gateway.mailed_code(offset, new)}
        challenges = {name: sent[name] for name in ("challenge_old", "challenge_new")}
        self.step("PUT", "/v1/account/email", challenges | codes, "session")
        self.email = new

    def link(self):
        """A link signs in, too."""
        offset = len(self.gateway.text())
        self.step("POST", "/v1/auth/link", {"email": self.email})
        token = self.gateway.mailed(offset, self.email, r"/sign-in/link#(\S+)")[1]
        self.step("POST", "/v1/auth/session", {"link": token})

    def another_session(self):
        offset = len(self.gateway.text())
        sent = self.step("POST", "/v1/auth/code", {"email": self.email})
        proof = {"challenge": sent["challenge"], "code": self.gateway.mailed_code(offset, self.email)}
        begun = self.step("POST", "/v1/auth/session", proof)
        self.keys["another"] = begun["session_token"]
        self.step("GET", "/v1/account/sessions", None, "another")
        self.step("DELETE", "/v1/account/sessions/{id}", None, "session", id=begun["session"]["id"])

    def portal(self, partner):
        """What a person does with a partner that they run."""
        wish = {"name": "Morning Notes", "url": "https://morning.example"}
        self.step("POST", "/v1/partners/apply", wish, "management_key")
        path, own = "/v1/partners/{id}", {"by": "management_key", "id": partner}
        self.step("GET", "/v1/partners", None, "management_key")
        for rest in ("", "/usage", "/referrals", "/statements", "/payouts"):
            self.step("GET", path + rest, None, **own)
        for kind in ("keys", "test-keys"):
            made = self.step("POST", f"{path}/{kind}", {"name": "walk"}, **own)
            self.step("GET", f"{path}/{kind}", None, **own)
            at = f"{path}/{kind}/{{key}}"
            made = self.step("POST", f"{at}/rotate", None, **own, key=made["data"]["id"])
            self.step("DELETE", at, None, **own, key=made["data"]["id"])
        lists = {"origins": ["https://evening.example"], "redirect_urls": ["https://evening.example/back"]}
        made = self.step("POST", f"{path}/publishable-keys", {"name": "walk"} | lists, **own)
        self.step("GET", f"{path}/publishable-keys", None, **own)
        at = f"{path}/publishable-keys/{{key}}"
        self.step("PATCH", at, {"origins": []}, **own, key=made["data"]["id"])
        self.step("DELETE", at, None, **own, key=made["data"]["id"])
        self.step("PUT", f"{path}/test-origins", {"origins": lists["origins"]}, **own)

    def operator(self):
        """An act, which the page shows first."""
        person = self.step("GET", "/v1/auth/session", None, "session")["user"]["id"]
        self.gateway.admin("user", "role", person, "operator")
        act = {"do": "rename", "user": person, "label": "Ada"}
        only = {"opencredits-fragment": "main"}
        shown = self.gateway.call("POST", "/operator/preview", {"act": act}, self.keys["session"], only)[1].decode()
        told = {name: re.search(rf'data-{name} value="([^"]+)"', shown)[1] for name in ("id", "confirm")}
        self.step("POST", "/v1/operator/actions", {"act": act} | told, "session")
        self.step("GET", "/v1/operator/people/{id}/export", None, "session", id=person)
        self.gateway.admin("user", "role", person, "none")

    def sign_out(self):
        """After everything that needs the session."""
        self.step("DELETE", "/v1/auth/session", None, "session")

    def account(self):
        self.step("GET", "/v1/auth/session", None, "session")
        self.step("GET", "/v1/account/notifications", None, "session")
        self.step("PATCH", "/v1/account/notifications", {"limit_80": False}, "session")
        self.step("GET", "/v1/account/deletion", None, "session")
        self.step("PUT", "/v1/account/restriction", self.confirmed("restriction") | {"restricted": False}, "session")
        self.step("PUT", "/v1/account/objection", self.confirmed("restriction") | {"objected": True}, "session")
        self.step("POST", "/v1/account/export", self.confirmed("export"), "session")
        self.step("GET", "/v1/account/export", None, "session")
        offset = len(self.gateway.text())
        self.step("POST", "/v1/account/deletion", self.confirmed("deletion"), "session")
        token = self.gateway.mailed(offset, self.email, r"Keep my account: \S+#(\S+)")[1]
        self.step("POST", "/v1/account/deletion/cancel", {"link": token})
        self.step("POST", "/v1/account/deletion", self.confirmed("deletion"), "session")
        self.step("GET", "/v1/account/privacy", None, "session")
        self.step("DELETE", "/v1/account/deletion", None, "session")
        self.step("DELETE", "/v1/account/sessions", None, "session")


def walk(gateway, document, keys, known, webhook_secret):
    """Walks; what has the operations that succeeded."""
    all_steps = Walk(gateway, document, keys)
    publishable = known["publishable_key"]
    partner = known["/v1/partners/{id}"]["id"]
    all_steps.inference()
    all_steps.prices()
    all_steps.keys_of_a_person()
    all_steps.purchases()
    all_steps.event(webhook_secret)
    all_steps.apps(publishable)
    all_steps.terminal(publishable)
    all_steps.consents(partner)
    all_steps.passkeys()
    all_steps.another_session()
    all_steps.address()
    all_steps.link()
    all_steps.portal(partner)
    all_steps.operator()
    all_steps.account()
    all_steps.reads(known)
    print(f"walked: {len(all_steps.done)} operations", flush=True)
    return all_steps
