"""What is no conversation, and the gateway's own errors, read strictly with the types of the official SDKs."""

import json
from concurrent.futures import ThreadPoolExecutor

import anthropic.types as messages
import anthropic.types.beta as beta
import openai.types as openai
from common import PLAN, POOR_KEY, SCENARIOS, STRANGE_KEY, Cells, equal, true
from google.genai import models
from google.genai import types as gemini
from strict import FRONTS, ask, complaints, of_google, read, send, told, whole_stream

cell = Cells()
SANDBOX = list(PLAN["sandbox"].values())
MODEL = SANDBOX[0]
ANTHROPIC = {"anthropic-version": "2023-06-01"}
# More than the poor can pay for, and less than the model can read.
MANY_WORDS = "word " * 80_000


def fine(forms, answer, expected=200):
    status, body = answer
    equal(status, expected, f"status with {body[:200]}")
    value = json.loads(body)
    found = complaints(forms, [value])
    true(not found, told(found))
    return value


def refused(name, expected, *arguments, **more):
    own = FRONTS[name]
    for stream in (False, True):
        fine(own.error(expected), ask(own, *arguments, stream, **more), expected)


def add_errors(name):
    own = FRONTS[name]

    @cell(f"{name}: errors", replayed=False)
    def errors():
        refused(name, 401, MODEL, key=STRANGE_KEY)
        refused(name, 404, "no/such-model")
        fine(own.error(400), send("POST", own.path(MODEL, False, 0), {"model": MODEL, "messages": 1, "input": 1, "contents": 1}), 400)
        no_method = 404 if name == "gemini" else 405
        fine(own.error(no_method), send("GET", own.path(MODEL, False, 0)), no_method)

    @cell(f"{name}: too poor", replayed=False)
    def poor():
        refused(name, 402, MODEL, key=POOR_KEY, text=MANY_WORDS)

    @cell(f"{name}: failing provider")
    def broken():
        refused(name, 502, SCENARIOS["broken"]["model"])
        refused(name, 429, SCENARIOS["rate_limited"]["model"])


def add_sandbox(name):
    """What recordings lack, made by the sandbox, which speaks two dialects."""
    own = FRONTS[name]

    @cell(f"{name}: sandbox errors", replayed=False)
    def errors():
        def one(asked):
            model, status = asked
            answer = ask(own, model, status % 2 == 0, text=f"sandbox:error {status}")
            fine(own.error(answer[0]), answer, answer[0])
            true(answer[0] >= 400, f"{answer[0]} of {status}")

        asked = [(model, status) for model in SANDBOX for status in (400, 404, 413, 422, 429, 500, 503, 529)]
        # Some are asked for again by the gateway, after a while.
        with ThreadPoolExecutor(len(asked)) as pool:
            list(pool.map(one, asked))

    @cell(f"{name}: overflow", replayed=False)
    def overflow():
        for model in SANDBOX:
            for stream in (False, True):
                answer = ask(own, model, stream, text="sandbox:error overflow")
                value = fine(own.error(400), answer, 400)
                true("context_length_exceeded" in json.dumps(value), answer[1])
                # Claude Code shortens its conversation by these words.
                true(name != "messages" or value["error"]["message"].startswith("prompt is too long"), answer[1])

    @cell(f"{name}: sandbox streams", replayed=False)
    def streams():
        calls = 'sandbox:call f {"city": "Rome"}'.replace('"', '\\"')
        for text in ("sandbox:fail 3", "sandbox:cut 3", "sandbox:refusal", "sandbox:tokens 20", calls):
            for model in SANDBOX:
                _, body = ask(own, model, True, 1, text=text)
                found = complaints(own.event, read(own, body))
                found |= whole_stream(own, body, text.split()[0] in ("sandbox:fail", "sandbox:cut"))
                true(not found, f"{model}, {text}: {told(found)}")

    @cell(f"{name}: sandbox whole", replayed=False)
    def whole():
        calls = 'sandbox:call f {"city": "Rome"}'.replace('"', '\\"')
        for text in ("sandbox:refusal", "sandbox:tokens 20", calls):
            for model in SANDBOX:
                fine(own.whole, ask(own, model, False, 1, text=text))


for name in FRONTS:
    add_errors(name)
    add_sandbox(name)


@cell("count of tokens", replayed=False)
def count():
    body = FRONTS["messages"].body(MODEL, False, 1)
    for name in ("max_tokens", "stream"):
        del body[name]
    counted = [messages.MessageTokensCount, beta.BetaMessageTokensCount]
    fine(counted, send("POST", "/v1/messages/count_tokens", body))
    form = of_google(gemini.CountTokensResponse, models._CountTokensResponse_from_mldev)
    fine([form], send("POST", f"/v1beta/models/{MODEL}:countTokens", FRONTS["gemini"].body(MODEL, False, 0)))


def each(form, page, list_name):
    """The models of a page."""
    true(page[list_name], "no model")
    found = complaints([form], page[list_name])
    true(not found, told(found))


@cell("models: openai", replayed=False)
def models_openai():
    page = fine([], send("GET", "/v1/models"))
    equal(page["object"], "list", "object")
    each(openai.Model, page, "data")
    fine([openai.Model], send("GET", f"/v1/models/{MODEL}"))


@cell("models: anthropic", replayed=False)
def models_anthropic():
    page = fine([], send("GET", "/v1/models", headers=ANTHROPIC))
    true(isinstance(page["has_more"], bool) and page["first_id"] and page["last_id"], "no page")
    for form in (messages.ModelInfo, beta.BetaModelInfo):
        each(form, page, "data")
        fine([form], send("GET", f"/v1/models/{MODEL}", headers=ANTHROPIC))


@cell("models: google", replayed=False)
def models_google():
    form = of_google(gemini.Model, models._Model_from_mldev)
    each(form, fine([], send("GET", "/v1beta/models")), "models")
    fine([form], send("GET", f"/v1beta/models/{MODEL}"))


@cell("embeddings")
def embeddings():
    """In the form that the client asks for, whichever the provider has: numbers, which the SDK's type holds."""
    asked = 0
    for recorded in PLAN["recorded"]:
        if recorded["dialect"] != "openai-embeddings":
            continue
        question = {"model": recorded["model"], "input": "Hello", "encoding_format": "float"}
        status, body = send("POST", "/v1/embeddings", question)
        true((status >= 400) == (recorded["status"] >= 400), f"{question['model']}: {status} {body[:200]}")
        forms = FRONTS["chat"].error(status) if status >= 400 else [openai.CreateEmbeddingResponse]
        found = complaints(forms, [json.loads(body)])
        own = json.load(open(recorded["file"], encoding="utf-8"))["response"]["body"]
        own = json.loads(own) if isinstance(own, str) else own
        theirs = complaints([openai.CreateEmbeddingResponse], [own])
        # One provider counts only the total; the vectors are written anew by us.
        found -= {(at, what) for at, what in theirs if at.startswith("usage")}
        true(not found, f"{question['model']}: {told(found)}")
        asked += 1
    true(asked, "no recording")


cell.run()
