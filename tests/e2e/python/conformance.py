"""Every recorded answer through each API in front, read strictly with the types of that API's official SDK."""

import json
from concurrent.futures import ThreadPoolExecutor

from common import MODELS, PLAN, Cells, true
from strict import FRONTS, ask, complaints, framed, read, told, whole_stream

cell = Cells()
AT_ONCE = 4
RECORDED = [answer for answer in PLAN["recorded"] if answer["dialect"] == MODELS]


def recorded(answer):
    """The provider's own bytes, as text."""
    body = json.load(open(answer["file"], encoding="utf-8"))["response"]["body"]
    return body if isinstance(body, str) else json.dumps(body)


# A response that goes on in the background says nothing yet; a request for one is refused.
UNSAID = ("queued", "in_progress")


def has_error(answer):
    """Whether the provider fails within an answer that it began with 200, or gives none."""
    body = recorded(answer)
    values = [json.loads(data) for _, data in framed(body) if data.startswith("{")] if answer["stream"] else [json.loads(body)]
    if not answer["stream"] and values[0].get("status") in UNSAID:
        return True
    return any(isinstance(value, dict) and value.get("error") for value in values)


def of_provider(answer, own, stream):
    """What the SDK's types say against the provider's own answer, where it passes: that is no fault of ours."""
    if own.dialect != MODELS or answer["stream"] != stream:
        return set()
    body = recorded(answer)
    if answer["status"] >= 400:
        return complaints(own.error(None), [json.loads(body)])
    return complaints(own.event, read(own, body)) if stream else complaints(own.whole, [json.loads(body)])


def check(answer, own, stream, number):
    """What is wrong with the gateway's answer, in words; nothing is none."""
    name = answer["model"].removeprefix("recorded/")
    fails = answer["status"] < 400 and has_error(answer)
    status, body = ask(own, answer["model"], stream, number)
    if (status >= 400) != (answer["status"] >= 400) and not fails:
        return f"{name}: {status} of a recorded {answer['status']}: {body[:300]}"
    if status >= 400:
        found = complaints(own.error(status), [json.loads(body)])
    elif stream:
        found = complaints(own.event, read(own, body)) | whole_stream(own, body, fails or answer["cut"])
    else:
        found = complaints(own.whole, [json.loads(body)])
    found -= of_provider(answer, own, stream)
    return f"{name}: {told(found)}" if found else ""


def all_of(answers, front, stream):
    """Asks for all of them; those that are wrong are told, the first one first."""
    true(answers, "no recording")

    def one(numbered):
        return check(numbered[1], FRONTS[front], stream, numbered[0])

    with ThreadPoolExecutor(AT_ONCE) as pool:
        wrong = [said for said in pool.map(one, enumerate(answers)) if said]
    true(not wrong, f"{len(wrong)} of {len(answers)}: " + " | ".join(wrong))


def add(front):
    fine = [answer for answer in RECORDED if answer["status"] < 400 and not answer["cut"]]
    refused = [answer for answer in RECORDED if answer["status"] >= 400]
    cut = [answer for answer in RECORDED if answer["cut"]]

    @cell(f"{front}: whole")
    def whole():
        all_of(fine, front, False)

    @cell(f"{front}: stream")
    def stream():
        all_of(fine, front, True)

    @cell(f"{front}: refused")
    def refusals():
        all_of(refused, front, False)
        all_of(refused, front, True)

    @cell(f"{front}: broken off")
    def broken_off():
        all_of(cut, front, True)


for front in FRONTS:
    add(front)
cell.run()
