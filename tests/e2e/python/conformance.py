"""Every kind of answer and event in front of every API, parsed strictly by the types of its own SDK.

The SDKs themselves take nearly anything: they build their objects without a check. Clients in other languages do not.
"""

import json
import urllib.error
import urllib.request

import anthropic.types
import openai.types
import openai.types.chat
import openai.types.responses
from common import BASE_URL, KEY, MODELS, SCENARIOS, STRANGE_KEY, Cells, equal, true
from google.genai import types
from openai.types.shared import ErrorObject
from pydantic import TypeAdapter, ValidationError

cell = Cells()
# Recordings of the provider's failures.
FAILURES = ("bad_request", "unauthorized", "rate_limited", "broken", "stream_cut")
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
HELLO = "Say hello."


def events_of(stream):
    """The data of each event."""
    return [line[5:].strip() for line in stream.splitlines() if line.startswith(b"data:")]


class Front:
    """An API, and the types of its answers."""

    dialect = None

    def __init__(self, answer, event, headers):
        self.answer, self.event, self.headers = TypeAdapter(answer), TypeAdapter(event), headers

    def request(self, path, body=None, key=KEY):
        """The status and the body of an answer."""
        headers = {"content-type": "application/json"} | {name: value(key) for name, value in self.headers.items()}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(BASE_URL + path, data=data, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def whole(self, model):
        path, body = self.asks(model, False)
        status, answer = self.request(path, body)
        equal(status, 200, answer[:300])
        self.valid(self.answer, answer)

    def valid(self, kind, text):
        kind.validate_json(text)

    def is_valid(self, text):
        """Whether a provider's own bytes are."""
        try:
            if text.lstrip().startswith(b"{"):
                self.valid(self.answer, text)
            else:
                for event in events_of(text):
                    if event != b"[DONE]":
                        self.one(event)
        except ValidationError:
            return False
        return True

    def stream(self, model):
        path, body = self.asks(model, True)
        status, answer = self.request(path, body)
        equal(status, 200, answer[:300])
        events = events_of(answer)
        true(events, "no event")
        for event in events:
            if event == b"[DONE]":
                equal(event, events[-1], "nothing follows the end")
            else:
                self.one(event)

    def one(self, event):
        self.valid(self.event, event)

    def refused(self):
        """Errors of ours and of the provider."""
        path, body = self.asks(SCENARIOS["chat"]["model"], False)
        strange, _ = self.asks("no/such-model", False)
        nobody = self.request(path, body, STRANGE_KEY)
        unknown = self.request(strange, body | ({"model": "no/such-model"} if "model" in body else {}))
        malformed = self.request(path, 7)
        equal([nobody[0], unknown[0], malformed[0]], [401, 404, 400], "statuses")
        failed = []
        for name in ("bad_request", "unauthorized"):
            if name in SCENARIOS:
                path, body = self.asks(SCENARIOS[name]["model"], False)
                failed.append(self.request(path, body))
        for status, answer in [nobody, unknown, malformed, *failed]:
            true(status >= 400, f"{status} is no error")
            self.error(json.loads(answer))


def bearer(key):
    return f"Bearer {key}"


class Chat(Front):
    dialect = "openai-chat"

    def __init__(self):
        chat = openai.types.chat
        super().__init__(chat.ChatCompletion, chat.ChatCompletionChunk, {"authorization": bearer})

    def asks(self, model, stream):
        tools = [{"type": "function", "function": {"name": "f", "parameters": SCHEMA}}]
        messages = [{"role": "user", "content": HELLO}]
        body = {"model": model, "messages": messages, "tools": tools, "stream": stream}
        return "/v1/chat/completions", body | ({"stream_options": {"include_usage": True}} if stream else {})

    def error(self, body):
        # The code is the status, as in the interface's specification.
        TypeAdapter(ErrorObject).validate_python({"param": None} | body["error"] | {"code": str(body["error"]["code"])})

    def look_up(self):
        _, models = self.request("/v1/models")
        for model in json.loads(models)["data"]:
            TypeAdapter(openai.types.Model).validate_python(model)


class Responses(Chat):
    dialect = "openai-responses"

    def __init__(self):
        responses = openai.types.responses
        Front.__init__(self, responses.Response, responses.ResponseStreamEvent, {"authorization": bearer})

    def asks(self, model, stream):
        tools = [{"type": "function", "name": "f", "parameters": SCHEMA, "strict": False}]
        return "/v1/responses", {"model": model, "input": HELLO, "tools": tools, "stream": stream, "store": False}


class Messages(Front):
    dialect = "anthropic-messages"

    def __init__(self):
        headers = {"x-api-key": str, "anthropic-version": lambda _: "2023-06-01"}
        super().__init__(anthropic.types.Message, anthropic.types.RawMessageStreamEvent, headers)

    def asks(self, model, stream):
        tools = [{"name": "f", "input_schema": SCHEMA}]
        messages = [{"role": "user", "content": HELLO}]
        body = {"model": model, "max_tokens": 4096, "messages": messages, "tools": tools, "stream": stream}
        return "/v1/messages", body

    def one(self, event):
        # The SDK knows it, and has no type for it.
        if json.loads(event) != {"type": "ping"}:
            super().one(event)

    def error(self, body):
        TypeAdapter(anthropic.types.ErrorResponse).validate_python(body)

    def look_up(self):
        _, models = self.request("/v1/models")
        for model in json.loads(models)["data"]:
            TypeAdapter(anthropic.types.ModelInfo).validate_python(model)
        path, body = self.asks(SCENARIOS["chat"]["model"], False)
        counted = {name: body[name] for name in ("model", "messages", "tools")}
        status, count = self.request(path + "/count_tokens", counted)
        equal(status, 200, count[:300])
        TypeAdapter(anthropic.types.MessageTokensCount).validate_json(count)


class Gemini(Front):
    dialect = "gemini-generate"

    def __init__(self):
        answer = types.GenerateContentResponse
        super().__init__(answer, answer, {"x-goog-api-key": str})

    def asks(self, model, stream):
        tools = [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": SCHEMA}]}]
        body = {"contents": [{"role": "user", "parts": [{"text": HELLO}]}], "tools": tools}
        return f"/v1beta/models/{model}:" + ("streamGenerateContent?alt=sse" if stream else "generateContent"), body

    def valid(self, kind, text):
        """The SDK leaves out what its types do not know before it checks them."""
        try:
            super().valid(kind, text)
        except ValidationError as error:
            if any(one["type"] != "extra_forbidden" for one in error.errors()):
                raise

    def error(self, body):
        equal(sorted({"details"} | set(body["error"])), ["code", "details", "message", "status"], "members")

    def look_up(self):
        _, models = self.request("/v1beta/models")
        for model in json.loads(models)["models"]:
            self.valid(TypeAdapter(types.Model), json.dumps(model))


def each_scenario(front, ask):
    """Asks for every recording, and tells all that are not valid: what passes as it is, only where the provider's was."""
    wrong = []
    for name, scenario in SCENARIOS.items():
        passes = MODELS == front.dialect
        if name in FAILURES or (passes and not front.is_valid(scenario["own"].encode())):
            continue
        try:
            ask(scenario["model"])
        except Exception as error:
            wrong.append(f"{name}: {error}")
    true(not wrong, " | ".join(wrong))


def add(name, make):
    @cell(f"{name}: whole")
    def whole():
        front = make()
        each_scenario(front, front.whole)

    @cell(f"{name}: stream")
    def stream():
        front = make()
        each_scenario(front, front.stream)

    @cell(f"{name}: errors")
    def refused():
        make().refused()

    @cell(f"{name}: look-ups")
    def look_up():
        make().look_up()


for name, make in [("chat", Chat), ("messages", Messages), ("responses", Responses), ("gemini", Gemini)]:
    add(name, make)
cell.run()
