"""Starts a gateway in dev mode, makes a credential of each kind, and has schemathesis send requests with each.

python run.py FOLDER_WITH_PROGRAMS PORT FOLDER_FOR_REPORTS
"""

import collections
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

os.environ.setdefault("KNOWN", "{}")
os.environ.setdefault("SEEN", os.devnull)

from walk import walk  # noqa: E402

HERE = Path(__file__).resolve().parent
START_S = 60
# After so long the requests with one kind of credential hang; on a machine that does nothing else they take a tenth of it.
RUN_S_MAX = 900
EMAIL = "ada@example.org"
WEBHOOK_SECRET = "whsec_of_this_run"
SEED = "20261130"
CHECKS = ",".join(
    f"{name}_conformance" for name in ("status_code", "content_type", "response_headers", "response_schema")
)
# The sandbox sells no model for embeddings of its own, but answers for one.
EMBEDDING_MODEL = """
[[vendor]]
id = "sandbox-embeddings"
dialect = "openai-embeddings"
base_url = "sandbox://local/v1"
auth = "none"

[[model]]
id = "sandbox/vectors"
vendor = "sandbox-embeddings"
upstream_model = "vectors"
kind = "embedding"
context_window = 8192
max_output_tokens = 1
prices = { input = "0.1", output = "0" }
"""
# Requests of each kind to one operation.
EXAMPLES = {"user_key": 25, "management_key": 15, "partner_key": 8, "session": 16, "nothing": 5}
# May end the session that all further requests of a run need: ids are also taken from answers of before.
ENDS = {"delete_v1_auth_session", "delete_v1_account_sessions_by_id"}


class Gateway:
    def __init__(self, bin_folder, port, folder):
        self.url = f"http://localhost:{port}"
        self.data, self.log = folder / "data", folder / "log"
        self.admin_program = bin_folder / "opencredits-admin"
        env = {name: value for name, value in os.environ.items() if not name.startswith("OPENCREDITS_")}
        env |= {
            "OPENCREDITS_SERVER_LISTEN": f"127.0.0.1:{port}",
            "OPENCREDITS_SERVER_PUBLIC_URL": self.url,
            "OPENCREDITS_CONNECTIONS_UNREGISTERED_APPS": "true",
            "OPENCREDITS_PAYMENTS_WEBHOOK_SECRET": WEBHOOK_SECRET,
            # The walk asks for more codes than a person does in an hour.
            "OPENCREDITS_IDENTITY_MAILS_PER_ADDRESS_HOUR": "100",
            "OPENCREDITS_IDENTITY_ANSWERS_PER_ADDRESS_HOUR": "100",
        }
        config = folder / "config.toml"
        config.write_text(EMBEDDING_MODEL)
        command = [bin_folder / "opencredits-gateway", "--config", config, "dev", "--data", self.data]
        out = self.log.open("wb")
        self.process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        self.until("the gateway", lambda: self.call("GET", "/readyz")[0] == 200)

    def until(self, what, found):
        end = time.monotonic() + START_S
        while time.monotonic() < end:
            try:
                if value := found():
                    return value
            except OSError:
                pass
            time.sleep(0.05)
        sys.exit(f"not there in time: {what}\n{self.text()[-3000:]}")

    def text(self):
        return self.log.read_text(errors="replace")

    def call(self, method, path, body=None, key=None, more=None):
        """A request with a JSON body, as a value or as bytes, or with a form as a text, and with more headers."""
        is_form = isinstance(body, str)
        headers = {"content-type": "application/x-www-form-urlencoded" if is_form else "application/json"}
        headers |= ({"authorization": f"Bearer {key}"} if key else {}) | (more or {})
        data = body if body is None or isinstance(body, bytes) else (body if is_form else json.dumps(body)).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request) as answer:
                status, text, told = answer.status, answer.read(), answer.headers
        except urllib.error.HTTPError as error:
            status, text, told = error.code, error.read(), error.headers
        return status, json.loads(text) if "json" in told.get("content-type", "") else text, told

    def pay(self, page):
        """Pays on a page of the sandbox. Where it leads to then does not matter."""
        try:
            urllib.request.urlopen(urllib.request.Request(page, b"choice=pay")).close()
        except urllib.error.HTTPError as error:
            error.close()

    def admin(self, *arguments):
        command = [self.admin_program, "--data", self.data, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def mailed(self, offset, to, pattern):
        """What a pattern finds in a mail to an address, after so many characters of the log."""
        whole = rf"To: {re.escape(to)}\n.*?{pattern}"
        return self.until(f"the mail to {to}", lambda: re.search(whole, self.text()[offset:], re.S))

    def mailed_code(self, offset, to=EMAIL):
        """The code in the first mail to an address."""
        mail = self.mailed(offset, to, r"\b(\d{3}) ?(\d{3})\b")
        return mail[1] + mail[2]

    def sign_in(self):
        begun = self.call("POST", "/v1/auth/code", {"email": EMAIL})[1]
        proof = {"challenge": begun["challenge"], "code": self.mailed_code(0)}
        refused = self.call("POST", "/v1/auth/session", proof)[1]
        terms = refused["error"]["metadata"]["terms_version"]
        entered = self.call("POST", "/v1/auth/session", proof | {"accept": {"terms": terms, "age_16": True}})[1]
        return entered["session_token"]

    def stop(self):
        self.process.terminate()
        self.process.wait(30)


def found(pattern, text):
    if match := re.search(pattern, text):
        return match[0]
    sys.exit(f"no {pattern} in what the program told: {text}")


def own_partner(gateway, management):
    """A partner that a person runs, with a key of each kind: the ids in each path that names it."""
    wish = {"name": "Evening Notes", "url": "https://evening.example"}
    partner = gateway.call("POST", "/v1/partners/apply", wish, management)[1]["data"]["id"]
    gateway.admin("partner", "approve", partner)
    path, known = "/v1/partners/{id}", {}
    for rest in ("", "/usage", "/referrals", "/statements", "/payouts", "/test-origins"):
        known[path + rest] = {"id": partner}
    for kind in ("keys", "publishable-keys", "test-keys"):
        key = gateway.call("POST", f"/v1/partners/{partner}/{kind}", {"name": "spare"}, management)[1]["data"]["id"]
        known[f"{path}/{kind}"] = {"id": partner}
        for rest in ("", "/rotate"):
            known[f"{path}/{kind}/{{key}}{rest}"] = {"id": partner, "key": key}
    return known


def prepared(gateway):
    """A credential of each kind, and what is there to be asked for."""
    user_key = found(r"oc_sk_[0-9A-Za-z_]+", gateway.text())
    management = found(r"oc_mk_[0-9A-Za-z]+", gateway.admin("key", "add", "sample person", "--management"))
    gateway.admin("partner", "add", "Quick Notes")
    partner = found(r"oc_rk_[0-9A-Za-z]+", gateway.admin("partner", "key", "add", "Quick Notes"))
    publishable = found(r"oc_pk_[0-9A-Za-z]+", gateway.admin("partner", "publishable", "add", "Quick Notes"))
    session = gateway.sign_in()
    hello = [{"role": "user", "content": "sandbox:echo Hello"}]
    told = gateway.call("POST", "/v1/chat/completions", {"model": "sandbox/gpt", "messages": hello}, user_key)[2]
    spare = gateway.call("POST", "/v1/keys", {"name": "spare", "limit": 5}, management)[1]
    buys = {"amount": "25", "email": EMAIL}
    order = gateway.call("POST", "/v1/credits/checkout", buys, user_key)[1]
    app = gateway.call("POST", "/v1/apps", {"publishable_key": publishable}, session)[1]
    known = {
        "publishable_key": publishable,
        "/v1/generation": {"id": told["x-generation-id"]},
        "/v1/keys/{id}": {"id": spare["data"]["id"]},
        "/v1/credits/orders/{id}": {"id": order["id"]},
        "/v1/apps/{id}": {"id": app["app"]["id"]},
    }
    known |= own_partner(gateway, management)
    keys = {"user_key": user_key, "management_key": management, "partner_key": partner, "session": session}
    return keys | {"nothing": None}, known


def schemes(operation):
    return {name for way in operation.get("security", []) for name in way} or {"nothing"}


def chosen(document, kind):
    """The operations that are tried with a kind: those that take it; and with another kind of key, which they refuse, those
    that take none of them."""
    others = {"user_key": "partner_key", "partner_key": "session", "session": "management_key", "management_key": "user_key"}
    for item in document["paths"].values():
        for operation in item.values():
            takes = schemes(operation)
            if kind in takes or kind == "nothing" or others.get(kind) in takes:
                if not (kind == "session" and operation["operationId"] in ENDS):
                    yield operation["operationId"]


def run(kind, key, gateway, document, reports):
    ids = sorted(chosen(document, kind))
    command = [Path(sys.executable).parent / "schemathesis", "run", f"{gateway.url}/openapi.json"]
    command += ["--checks", f"not_a_server_error,{CHECKS}", "--phases", "examples,coverage,fuzzing"]
    command += ["--max-examples", str(EXAMPLES[kind]), "--seed", SEED, "--workers", "1"]
    command += ["--suppress-health-check", "all", "--warnings", "off", "--continue-on-failure", "--no-color"]
    command += ["--request-timeout", "20", "--generation-database", "none", "--report", "junit"]
    command += ["--report-junit-path", reports / f"{kind}.xml"]
    if key:
        command += ["--header", f"Authorization: Bearer {key}"]
    for name in ids:
        command += ["--include-operation-id", name]
    print(f"{kind}: {len(ids)} operations", flush=True)
    env = os.environ | {"SEEN": str(reports / f"{kind}.json"), "SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(HERE)}
    env["PYTHONDONTWRITEBYTECODE"] = "1"
    return subprocess.run(command, cwd=reports, env=env, timeout=RUN_S_MAX).returncode


def never_succeeded(document, kinds, reports, seen):
    """Tells which statuses were seen; the operations that never had success."""
    statuses = collections.Counter()
    for kind in kinds:
        for name, count in json.loads((reports / f"{kind}.json").read_text()).items():
            operation, status = name.rsplit(" ", 1)
            statuses[status] += count
            if status[0] in "23":
                seen.add(operation)
    print("answers: " + ", ".join(f"{count} × {status}" for status, count in sorted(statuses.items())))
    every = {f"{method} {path}" for path, item in document["paths"].items() for method in item}
    print(f"success was seen of {len(seen & every)} of {len(every)} operations")
    return sorted(every - seen)


def main():
    bin_folder, port, reports = Path(sys.argv[1]).resolve(), sys.argv[2], Path(sys.argv[3])
    with tempfile.TemporaryDirectory(prefix="opencredits-schemathesis-") as folder:
        gateway = Gateway(bin_folder, port, Path(folder))
        try:
            document = gateway.call("GET", "/openapi.json")[1]
            (reports / "openapi.json").write_text(json.dumps(document, indent=2))
            subprocess.run([sys.executable, "-m", "openapi_spec_validator", reports / "openapi.json"], check=True)
            keys, known = prepared(gateway)
            os.environ["KNOWN"] = json.dumps(known)
            begin = time.monotonic()
            walked = walk(gateway, document, keys, known, WEBHOOK_SECRET)
            failed = [kind for kind, key in keys.items() if run(kind, key, gateway, document, reports) != 0]
            walked.sign_out()
            print(f"{time.monotonic() - begin:.0f} s")
            unseen = never_succeeded(document, keys, reports, walked.done)
            lines = [line for line in gateway.text().splitlines() if "panicked" in line]
            if lines:
                sys.exit(f"the gateway panicked: {lines[0]}")
            if failed:
                (reports / "gateway.log").write_text(gateway.text())
                sys.exit(f"answers do not fit the document, with: {', '.join(failed)}; the log is in {reports}")
            if unseen:
                sys.exit("success was never seen; have walk.py do it:\n  " + "\n  ".join(unseen))
        finally:
            gateway.stop()


main()
