"""What the Python clients of the end-to-end run have in common: the plan, exact money, and one line a cell."""

import json
import os
import sys
import time
import traceback
import urllib.request
from decimal import ROUND_CEILING, Decimal

PLAN = json.load(open(os.environ["E2E_PLAN"], encoding="utf-8"))
CLIENT = os.environ["E2E_CLIENT"]
# The dialect of the models that are asked for: where it is not the client's own, the gateway translates.
MODELS = os.environ["E2E_MODELS"]
SCENARIOS = PLAN["scenarios"][MODELS]
BASE_URL = PLAN["base_url"]
KEY = PLAN["keys"][CLIENT]
POOR_KEY = PLAN["poor_key"]
# Right in its form, and nobody's.
STRANGE_KEY = PLAN["strange_key"]
NANO_USD_A_CREDIT = PLAN["nano_usd_a_credit"]
NANO_CREDIT = Decimal("0.0000001")


def get(path, key=KEY):
    """A look-up beside the SDK, with numbers as they stand in the text."""
    request = urllib.request.Request(BASE_URL + path, headers={"authorization": f"Bearer {key}"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.loads(answer.read(), parse_float=Decimal, parse_int=Decimal)


def balance():
    """In credits, exactly."""
    return Decimal(get("/v1/credits/balance")["balance"])


def credits(nano_usd):
    return Decimal(nano_usd) / NANO_USD_A_CREDIT


def charge(usage, price):
    """What a request costs in credits, worked out by hand from what was used: the bill that anyone can recompute.

    Rates are in pico-USD per token; there is one rounding, up, to a nano-USD.
    """
    read = usage.get("cached_input_tokens") or 0
    write_1h = usage.get("cache_write_1h_tokens") or 0
    write = (usage.get("cache_write_tokens") or 0) - write_1h
    fresh = usage["input_tokens"] - read - write - write_1h
    pico = (
        fresh * price["input"]
        + read * price["cache_read"]
        + write * price["cache_write_5m"]
        + write_1h * price["cache_write_1h"]
        + usage["output_tokens"] * price["output"]
    )
    pico = Decimal(pico) * (10_000 + PLAN["markup_bps"]) / 10_000
    return credits((pico / 1000).to_integral_value(ROUND_CEILING))


def settled(before, expected=None, patience_s=15):
    """The balance once it has changed and stands still; at once where the charge is known."""
    if expected is not None:
        after = balance()
        equal(before - after, expected, "the balance fell by something else")
        return after
    deadline = time.monotonic() + patience_s
    last = before
    while time.monotonic() < deadline:
        now = balance()
        if now == last and now != before:
            return now
        last = now
        time.sleep(0.2)
    return last


def recorded(generation):
    """What a generation's record says was charged."""
    return Decimal(get(f"/v1/generation?id={generation}")["data"]["usage"])


def equal(found, expected, what="not as expected"):
    if found != expected:
        raise AssertionError(f"{what}: {found!r}, expected {expected!r}")


def true(condition, what):
    if not condition:
        raise AssertionError(what)


def raises(kind, call):
    """Calls, and gives the exception of exactly this class."""
    try:
        call()
    except Exception as error:
        equal(type(error).__name__, kind.__name__, f"another exception ({error})")
        return error
    raise AssertionError(f"no {kind.__name__}")


class Cells:
    """The features of one client; each is tried and told in a line of JSON, or skipped without the recordings."""

    def __init__(self):
        self.cells = []

    def __call__(self, feature, *, replayed=True):
        def add(function):
            self.cells.append((feature, replayed and not PLAN["has_recordings"], function))
            return function

        return add

    def run(self):
        for feature, skip, function in self.cells:
            start = time.monotonic()
            verdict, detail = ("skipped", "no recordings") if skip else ("ok", "")
            try:
                if not skip:
                    function()
            except Exception as error:
                verdict, detail = "failed", f"{type(error).__name__}: {error}"[:600]
                traceback.print_exc(file=sys.stderr)
            ms = round((time.monotonic() - start) * 1000)
            line = {"client": CLIENT, "feature": feature, "verdict": verdict, "detail": detail, "ms": ms}
            print(json.dumps(line), flush=True)
