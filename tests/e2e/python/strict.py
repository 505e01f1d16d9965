"""Answers as they are on the wire, read with the types of the official SDKs, which the SDKs themselves do not enforce.

The SDKs for OpenAI and Anthropic build their objects without validation; here pydantic checks every field, without
conversions. The SDK for Google renames and drops fields first, and so does this.
"""

import http.client
import json
import threading
import typing
import urllib.parse
import warnings

import anthropic.types as messages
import anthropic.types.beta as beta
import openai.types as openai
import openai.types.responses as responses
from common import BASE_URL, KEY
from google.genai import _common, errors, models
from google.genai import types as gemini
from openai.types import chat
from pydantic import TypeAdapter, ValidationError

# The SDK for Google takes an unknown word of a list with a warning.
warnings.filterwarnings("error", message=".*is not a valid.*")
HOST = urllib.parse.urlsplit(BASE_URL).netloc
LOCAL = threading.local()
HELLO = "Say hello."
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
ADAPTERS = {}


def strictly(form, value):
    """Validates without conversions, as JSON; the complaints as (place, what)."""
    if id(form) not in ADAPTERS:
        ADAPTERS[id(form)] = (TypeAdapter(form), form)
    try:
        ADAPTERS[id(form)][0].validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        return [(".".join(step for step in each["loc"] if isinstance(step, str)), each["msg"]) for each in error.errors()]
    except UserWarning as warning:
        return [("", str(warning))]
    return []


def told(found):
    """The first complaints in words, without those of a union's other members where there are better ones: theirs are of
    another `type`."""
    others = [at.removesuffix("type") for at, what in found if at.endswith(".type") and what.startswith("Input should be")]
    mine = {(at, what) for at, what in found if not any(at.startswith(other) for other in others)}
    return "; ".join(f"{at}: {what}" for at, what in sorted(mine or found)[:3])


def complaints(forms, values):
    """All that any of the types says against any of the values."""
    found = set()
    for value in values:
        for form in forms:
            found.update(form(value) if not is_type(form) else strictly(chosen(form, value), value))
    return found


def is_type(form):
    return isinstance(form, type) or typing.get_origin(form) is not None


MEMBERS = {}


def chosen(form, value):
    """The member of a union of events that has the value's `type`."""
    if typing.get_origin(form) is not typing.Annotated:
        return form
    if id(form) not in MEMBERS:
        by_type = {}
        for member in typing.get_args(typing.get_args(form)[0]):
            for name in typing.get_args(member.model_fields["type"].annotation):
                by_type[name] = member
        MEMBERS[id(form)] = by_type
    return MEMBERS[id(form)].get(value.get("type") if isinstance(value, dict) else None, form)


def of_google(form, renamed):
    """Reads as that SDK does: it renames, drops what it does not know, and validates the rest."""

    def check(value):
        if not isinstance(value, dict):
            return [("", f"{value!r} is no object")]
        kept = renamed(json.loads(json.dumps(value)), {}, value)
        _common._remove_extra_fields(form, kept)
        return strictly(form, kept)

    return check


def google_error(status):
    """There is no type for it, only what the SDK's exception takes from it."""

    def check(value):
        error = errors.APIError(status or 0, value)
        body = value.get("error") if isinstance(value, dict) else None
        if not isinstance(body, dict) or error.message != body.get("message") or error.status != body.get("status"):
            return [("error", "the SDK finds no message or no status")]
        found = [] if body.get("code") == status or status is None else [("error.code", "not the status")]
        return found + ([] if body["status"] in RPC_STATUS else [("error.status", f"{body['status']} is no status")])

    return check


RPC_STATUS = {
    "INVALID_ARGUMENT", "FAILED_PRECONDITION", "OUT_OF_RANGE", "UNAUTHENTICATED", "PERMISSION_DENIED", "NOT_FOUND",
    "ABORTED", "ALREADY_EXISTS", "RESOURCE_EXHAUSTED", "CANCELLED", "DATA_LOSS", "UNKNOWN", "INTERNAL",
    "UNIMPLEMENTED", "UNAVAILABLE", "DEADLINE_EXCEEDED",
}


def openai_error(status):
    """`error.code` is the status, a number, as resellers have it; all else is of the SDK's type."""

    def check(value):
        error = value.get("error")
        if not isinstance(error, dict):
            return [("error", "no object")]
        code = error.get("code")
        found = [] if status is None or code == status else [("error.code", f"{code!r} is not the status")]
        return found + strictly(openai.ErrorObject, {**error, "code": str(code)})

    return check


class Front:
    """An API: where it is, what is asked, and the types of what comes."""

    def __init__(self, dialect, whole, event, error, path, body):
        self.dialect, self.whole, self.event, self.error = dialect, whole, event, error
        self.path, self.body = path, body


def messages_error(value):
    """`request_too_large` is a type of that API, which its SDK's list lacks."""
    error = value.get("error")
    if isinstance(error, dict) and error.get("type") == "request_too_large":
        value = {**value, "error": {**error, "type": "invalid_request_error"}}
    return strictly(messages.ErrorResponse, value)


def chat_choices(form):
    """`error` as a finish reason is documented, for an answer that could not be given; all else is of the SDK's type."""

    def check(value):
        value = json.loads(json.dumps(value))
        for choice in value.get("choices") or []:
            if choice.get("finish_reason") == "error":
                choice["finish_reason"] = "stop"
        return strictly(form, value)

    return check


def chat_body(model, stream, number):
    body = {"model": model, "messages": [{"role": "user", "content": HELLO}]}
    if number % 2:
        body["tools"] = [{"type": "function", "function": {"name": "f", "parameters": SCHEMA}}]
    if stream and number % 4 < 2:
        body["stream_options"] = {"include_usage": True}
    return {**body, "stream": stream}


def messages_body(model, stream, number):
    body = {"model": model, "max_tokens": 4096, "messages": [{"role": "user", "content": HELLO}]}
    if number % 2:
        body["tools"] = [{"name": "f", "input_schema": SCHEMA}]
    return {**body, "stream": stream}


def responses_body(model, stream, number):
    body = {"model": model, "input": HELLO, "store": False}
    if number % 2:
        body["tools"] = [{"type": "function", "name": "f", "parameters": SCHEMA, "strict": False}]
    return {**body, "stream": stream}


def gemini_body(model, stream, number):
    body = {"contents": [{"role": "user", "parts": [{"text": HELLO}]}]}
    if number % 2:
        body["tools"] = [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": SCHEMA}]}]
    return body


def gemini_path(model, stream, number):
    """A stream as events, and every other one as one array."""
    if not stream:
        return f"/v1beta/models/{model}:generateContent"
    return f"/v1beta/models/{model}:streamGenerateContent" + ("?alt=sse" if number % 2 else "")


def generated(value):
    check = of_google(gemini.GenerateContentResponse, models._GenerateContentResponse_from_mldev)
    return check(value)


FRONTS = {
    "chat": Front(
        "openai-chat", [chat_choices(chat.ChatCompletion)], [chat_choices(chat.ChatCompletionChunk)],
        lambda status: [openai_error(status)], lambda *_: "/v1/chat/completions", chat_body,
    ),
    "messages": Front(
        "anthropic-messages",
        [messages.Message, beta.BetaMessage],
        [messages.RawMessageStreamEvent, beta.BetaRawMessageStreamEvent],
        lambda _: [messages_error],
        lambda *_: "/v1/messages", messages_body,
    ),
    "responses": Front(
        "openai-responses", [responses.Response], [responses.ResponseStreamEvent],
        lambda status: [openai_error(status)], lambda *_: "/v1/responses", responses_body,
    ),
    "gemini": Front(
        "gemini-generate", [generated], [generated], lambda status: [google_error(status)], gemini_path, gemini_body,
    ),
}


def send(method, path, body=None, key=KEY, headers=()):
    """One request over this thread's connection; the status, and the body as text."""
    head = {"content-type": "application/json", "authorization": f"Bearer {key}", **dict(headers)}
    sent = json.dumps(body) if body is not None else None
    for is_new in (not hasattr(LOCAL, "connection"), True):
        if is_new:
            LOCAL.connection = http.client.HTTPConnection(HOST, timeout=60)
        try:
            LOCAL.connection.request(method, path, sent, head)
            answer = LOCAL.connection.getresponse()
            return answer.status, answer.read().decode()
        except (http.client.HTTPException, ConnectionError):
            # A connection that was kept may have been closed meanwhile.
            if is_new:
                raise
    raise AssertionError("not sent")


def ask(front, model, stream, number=0, text=HELLO, **more):
    body = json.dumps(front.body(model, stream, number)).replace(HELLO, text)
    return send("POST", front.path(model, stream, number), json.loads(body), **more)


def framed(body):
    """The events of a stream: their names and their data. Comments are none."""
    for block in body.replace("\r\n", "\n").split("\n\n"):
        name, data = None, []
        for line in block.split("\n"):
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if field == "event":
                name = value
            elif field == "data":
                data.append(value)
        if data:
            yield name, "\n".join(data)


def read(front, body):
    """The values that a stream is made of, without what ends it and without the errors."""
    if body.lstrip().startswith("["):
        return [value for value in json.loads(body) if "error" not in value]
    values = [json.loads(data) for _, data in framed(body) if data.strip() != "[DONE]"]
    if front.dialect == "openai-responses":
        return values
    return [value for value in values if "error" not in value and value.get("type") != "ping"]


def whole_stream(front, body, fails):
    """What is wrong with the stream as a whole: its framing, its end, and the error where it has one."""
    found = set()
    if body.lstrip().startswith("["):
        values, named = json.loads(body), []
    else:
        pairs = list(framed(body))
        named = [(name, json.loads(data)) for name, data in pairs if data.strip() != "[DONE]"]
        values = [value for _, value in named]
        if (pairs[-1][1].strip() == "[DONE]") != (front.dialect == "openai-chat"):
            found.add(("", "the stream's end is wrong"))
    if front.dialect in ("anthropic-messages", "openai-responses"):
        # Some providers leave the names out, and the SDKs do without.
        found |= {(f"event {name}", f"it is {value['type']}") for name, value in named if name not in (None, value["type"])}
    last = values[-1] if values else {}
    if ("error" in last or last.get("type") == "response.failed") != fails:
        found.add(("the last event", json.dumps(last)[:200]))
    if "error" in last:
        found |= complaints(front.error(last["error"].get("code")), [last])
    return found
