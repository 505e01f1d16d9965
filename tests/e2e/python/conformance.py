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


def is_whole(text):
    return text.lstrip().startswith(b"{")


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
        """What is wrong with a whole answer."""
        return self.wrong_with(self.asked(model, False))

    def stream(self, model):
        """What is wrong with a streamed answer."""
        answer = self.asked(model, True)
        events = events_of(answer)
        true(events, "no event")
        true(b"[DONE]" not in events[:-1], "something follows the end")
        return self.wrong_with(answer)

    def asked(self, model, stream):
        path, body = self.asks(model, stream)
        status, answer = self.request(path, body)
        equal(status, 200, answer[:300])
        return answer

    def wrong_with(self, text):
        """The complaints about an answer, whole or streamed, by the name of the member and their kind."""
        if is_whole(text):
            return self.complaints(self.answer, text)
        events = [event for event in events_of(text) if event != b"[DONE]"]
        return set().union(*(self.one(event) for event in events))

    def one(self, event):
        return self.complaints(self.event, event)

    def complaints(self, kind, text):
        try:
            kind.validate_json(text)
        except ValidationError as error:
            return {(str(one["loc"][-1:]), one["type"]) for one in error.errors()}
        return set()

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
        return set() if json.loads(event) == {"type": "ping"} else super().one(event)

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

    def complaints(self, kind, text):
        """The SDK leaves out what its types do not know before it checks them."""
        return {one for one in super().complaints(kind, text) if one[1] != "extra_forbidden"}

    def error(self, body):
        equal(sorted({"details"} | set(body["error"])), ["code", "details", "message", "status"], "members")

    def look_up(self):
        _, models = self.request("/v1beta/models")
        for model in json.loads(models)["models"]:
            equal(self.complaints(TypeAdapter(types.Model), json.dumps(model)), set(), "complaints")


def each_scenario(front, ask, whole):
    """Asks for every recording. What passes as it is may be as wrong as the provider's own bytes, and no more."""
    wrong = []
    for name, scenario in SCENARIOS.items():
        if name in FAILURES:
            continue
        own = scenario["own"].encode()
        passes = MODELS == front.dialect and is_whole(own) == whole
        try:
            ours = ask(scenario["model"]) - (front.wrong_with(own) if passes else set())
        except Exception as error:
            ours = error
        if ours:
            wrong.append(f"{name}: {ours}")
    true(not wrong, " | ".join(wrong))


def add(name, make):
    @cell(f"{name}: whole")
    def whole():
        front = make()
        each_scenario(front, front.whole, True)

    @cell(f"{name}: stream")
    def stream():
        front = make()
        each_scenario(front, front.stream, False)

    @cell(f"{name}: errors")
    def refused():
        make().refused()

    @cell(f"{name}: look-ups")
    def look_up():
        make().look_up()


for name, make in [("chat", Chat), ("messages", Messages), ("responses", Responses), ("gemini", Gemini)]:
    add(name, make)
cell.run()
