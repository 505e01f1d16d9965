"""The official SDK of the messages API, through the gateway."""

import asyncio
import json
import uuid
from decimal import Decimal

import anthropic
from common import (
    BASE_URL, KEY, MODELS, PLAN, POOR_KEY, SCENARIOS, STRANGE_KEY, Cells, balance, charge, equal, get, raises,
    recorded, settled, true,
)
from pydantic import BaseModel

cell = Cells()
ACROSS = MODELS != "anthropic-messages"
HELLO = [{"role": "user", "content": "Say hello."}]
TOOLS = [
    {
        "name": "get_weather",
        "description": "The weather somewhere",
        "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    }
]
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def connect(key=KEY):
    return anthropic.Anthropic(base_url=BASE_URL, api_key=key, max_retries=0, timeout=30)


client = connect()


def price(scenario):
    return charge(SCENARIOS[scenario]["usage"], PLAN["price"])


def total_input(usage):
    """This API's input count leaves cached tokens out."""
    return usage.input_tokens + (usage.cache_read_input_tokens or 0) + (usage.cache_creation_input_tokens or 0)


def text_of(message):
    return "".join(block.text for block in message.content if block.type == "text")


def tools_of(message):
    return [block.name for block in message.content if block.type == "tool_use"]


def check(message, scenario):
    usage = SCENARIOS[scenario]["usage"]
    equal(total_input(message.usage), usage["input_tokens"], "input tokens")
    equal(message.usage.output_tokens, usage["output_tokens"], "output tokens")
    equal(text_of(message), SCENARIOS[scenario].get("text") or "", "text")
    equal(tools_of(message), SCENARIOS[scenario]["tools"], "tools")
    return message


def ask(scenario, **more):
    """A whole answer, whose charge and usage must be those worked out by hand."""
    before = balance()
    question = {"messages": HELLO, "max_tokens": 1024, **more}
    raw = client.messages.with_raw_response.create(model=SCENARIOS[scenario]["model"], **question)
    charged = Decimal(raw.headers["x-credits-charged"])
    equal(charged, price(scenario), "charged")
    settled(before, charged)
    equal(Decimal(raw.headers["x-credits-remaining"]), before - charged, "remaining")
    true(raw.headers["x-request-id"] and raw.headers["x-generation-id"], "an id is missing")
    return check(raw.parse(), scenario)


def stream(scenario, **more):
    """A stream to its end; the message that the SDK puts together."""
    before = balance()
    question = {"messages": HELLO, "max_tokens": 1024, **more}
    with client.messages.stream(model=SCENARIOS[scenario]["model"], **question) as events:
        message = events.get_final_message()
    settled(before, price(scenario))
    return check(message, scenario)


@cell("chat")
def chat():
    ask("chat", system="Be brief.", stop_sequences=["END"])


@cell("stream")
def plain_stream():
    stream("stream")


@cell("stream usage")
def stream_usage():
    credits = None
    model = SCENARIOS["stream"]["model"]
    for event in client.messages.create(model=model, messages=HELLO, max_tokens=1024, stream=True):
        if event.type == "message_delta":
            credits = event.usage.model_extra["credits"]
            true(event.usage.model_extra["generation_id"], "no generation id")
    equal(Decimal(str(credits)), price("stream"), "credits")


@cell("stream in odd pieces")
def odd_pieces():
    stream("stream_bytes")


@cell("tools")
def tools():
    message = ask("tools", tools=TOOLS, tool_choice={"type": "auto"})
    equal(message.stop_reason, "tool_use", "stop reason")
    stream("tools_stream", tools=TOOLS)


@cell("parallel tools")
def parallel_tools():
    true(len(tools_of(ask("parallel_tools", tools=TOOLS))) > 1, "one call only")
    true(len(tools_of(stream("parallel_tools_stream", tools=TOOLS))) > 1, "one streamed call only")


@cell("images")
def images():
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
    content = [image, {"type": "text", "text": "What is this?"}]
    ask("image", messages=[{"role": "user", "content": content}])


class Joke(BaseModel):
    joke: str
    rating: int


@cell("structured output")
def structured():
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False}
    form = {"format": {"type": "json_schema", "schema": schema}}
    joke = json.loads(text_of(ask("structured", output_config=form)))["joke"]
    before = balance()
    model = SCENARIOS["structured"]["model"]
    message = client.messages.parse(model=model, messages=HELLO, max_tokens=1024, output_format=Joke)
    equal(message.parsed_output.joke, joke, "the parsed joke")
    settled(before, price("structured"))


@cell("thinking")
def thinking():
    budget = {"type": "enabled", "budget_tokens": 1024}
    message = ask("thinking", thinking=budget, max_tokens=2048)
    if ACROSS:
        # These models think in silence: what is left of it is its count.
        stream("thinking_stream", thinking=budget, max_tokens=2048)
        return
    kinds = [block.type for block in message.content]
    true("thinking" in kinds or "redacted_thinking" in kinds, f"no thinking among {kinds}")
    message = stream("thinking_stream", thinking=budget, max_tokens=2048)
    block = next(block for block in message.content if block.type == "thinking")
    true(block.signature, "the signature is gone")


@cell("cache control")
def cache():
    system = [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]
    message = ask("cache_write", system=system)
    expected = SCENARIOS["cache_write"]["usage"]["cache_write_tokens"]
    equal(message.usage.cache_creation_input_tokens, expected or 0, "written")
    system[0]["cache_control"]["ttl"] = "1h"
    if not ACROSS:
        ask("cache_write_1h", system=system)
    message = ask("cache_read", system=system)
    expected = SCENARIOS["cache_read"]["usage"]["cached_input_tokens"]
    equal(message.usage.cache_read_input_tokens, expected, "read")
    if not ACROSS:
        stream("cache_read_stream", system=system)


@cell("models", replayed=False)
def models():
    listed = get("/v1/models")["data"]
    true(SCENARIOS["chat"]["model"] in [model["id"] for model in listed], "the model is not listed")


def create(scenario="chat", key=KEY, **more):
    with connect(key) as other:
        question = {"model": SCENARIOS[scenario]["model"], "messages": HELLO, "max_tokens": 256}
        return other.messages.create(**{**question, **more})


def problem(error, kind, error_type):
    equal(error.body["type"], "error", "the body's type")
    equal(error.body["error"]["type"], kind, "this API's error type")
    equal(error.body["error"]["error_type"], error_type, "error type")


@cell("errors")
def errors():
    before = balance()
    strange = raises(anthropic.AuthenticationError, lambda: create(key=STRANGE_KEY))
    problem(strange, "authentication_error", "authentication")
    poor = raises(anthropic.PaymentRequiredError, lambda: create(key=POOR_KEY, max_tokens=100_000))
    equal(poor.status_code, 402, "status")
    problem(poor, "billing_error", "payment_required")
    unknown = raises(anthropic.NotFoundError, lambda: create(model="no/such-model"))
    problem(unknown, "not_found_error", "not_found")
    bad = raises(anthropic.BadRequestError, lambda: create(messages="none"))
    problem(bad, "invalid_request_error", "invalid_request")
    raises(anthropic.BadRequestError, lambda: create("bad_request"))
    limited = raises(anthropic.RateLimitError, lambda: create("rate_limited"))
    problem(limited, "rate_limit_error", "rate_limit_exceeded")
    true(int(limited.response.headers["retry-after"]) > 0, "when to try again is not told")
    broken = raises(anthropic.InternalServerError, lambda: create("broken"))
    problem(broken, "api_error", "provider_unavailable")
    ours = raises(anthropic.InternalServerError, lambda: create("unauthorized"))
    true("key" not in ours.message.lower(), "our provider's word on our key reaches the client")
    settled(before, Decimal(0))


@cell("error in a stream")
def error_in_stream():
    before = balance()
    raw = client.messages.with_raw_response.create(
        model=SCENARIOS["stream_cut"]["model"], messages=HELLO, max_tokens=2048, stream=True
    )
    pieces = []
    raises_any(lambda: pieces.extend(raw.parse()))
    true(len(pieces) > 2, "nothing came before the error")
    after = settled(before)
    true(after < before, "what came was free")
    equal(recorded(raw.headers["x-generation-id"]), before - after, "the record's charge")


def raises_any(read):
    """In a stream that has begun with 200 the SDK picks the class by that status."""
    try:
        read()
    except anthropic.APIError:
        return
    raise AssertionError("no error")


@cell("50 at once")
def many():
    before = balance()

    async def one(other, number):
        scenario = ("chat", "tools", "stream")[number % 3]
        question = {"model": SCENARIOS[scenario]["model"], "messages": HELLO, "max_tokens": 256}
        if scenario != "stream":
            raw = await other.messages.with_raw_response.create(**question)
            return Decimal(raw.headers["x-credits-charged"])
        credits = None
        async for event in await other.messages.create(**question, stream=True):
            if event.type == "message_delta":
                credits = event.usage.model_extra["credits"]
        return Decimal(str(credits))

    async def all_of_them():
        async with anthropic.AsyncAnthropic(
            base_url=BASE_URL, api_key=KEY, max_retries=0, timeout=60
        ) as other:
            return await asyncio.gather(*(one(other, number) for number in range(50)))

    charges = asyncio.run(all_of_them())
    equal(charges, [price(("chat", "tools", "stream")[number % 3]) for number in range(50)], "charges")
    settled(before, sum(charges))


@cell("cancel")
def cancel():
    before = balance()
    raw = client.messages.with_raw_response.create(
        model=SCENARIOS["stream_long"]["model"], messages=HELLO, max_tokens=2048, stream=True
    )
    generation = raw.headers["x-generation-id"]
    events = raw.parse()
    for number, _ in enumerate(events):
        if number == 5:
            break
    events.close()
    after = settled(before)
    true(before - after <= price("stream_long"), "more than the whole answer")
    true(after < before, "nothing was charged")
    equal(recorded(generation), before - after, "the record's charge")


@cell("idempotency")
def idempotency():
    before = balance()
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    question = {"model": SCENARIOS["chat"]["model"], "messages": HELLO, "max_tokens": 256}
    raw = client.messages.with_raw_response.create(**question, extra_headers=headers)
    again = raises(
        anthropic.ConflictError, lambda: client.messages.create(**question, extra_headers=headers)
    )
    problem(again, "invalid_request_error", "duplicate_request")
    true(raw.headers["x-generation-id"] in again.response.text, "the first one's id is not told")
    settled(before, price("chat"))


@cell("sandbox", replayed=False)
def sandbox():
    before = balance()
    question = {"model": PLAN["sandbox"][MODELS], "messages": HELLO, "max_tokens": 256}
    raw = client.messages.with_raw_response.create(**question)
    true(text_of(raw.parse()), "no text")
    spent = Decimal(raw.headers["x-credits-charged"])
    settled(before, spent)
    text = ""
    for event in client.messages.create(**question, stream=True):
        if event.type == "content_block_delta":
            text += event.delta.text
        elif event.type == "message_delta":
            spent += Decimal(str(event.usage.model_extra["credits"]))
    true(text, "no streamed text")
    settled(before, spent)


@cell("llama.cpp", replayed=False)
def local():
    # Warmer, it may begin with half an emoji, and its server then leaves out the stream's first event and the input.
    question = {"messages": HELLO, "max_tokens": 24, "extra_body": {"temperature": 0}}
    question["model"] = PLAN["local"][MODELS]

    def worth(message):
        tokens = {
            "input_tokens": total_input(message.usage),
            "cached_input_tokens": message.usage.cache_read_input_tokens,
            "output_tokens": message.usage.output_tokens,
        }
        true(tokens["input_tokens"] > 0 and tokens["output_tokens"] > 0, "no usage")
        return charge(tokens, PLAN["local"]["price"])

    before = balance()
    raw = client.messages.with_raw_response.create(**question)
    charged = Decimal(raw.headers["x-credits-charged"])
    equal(charged, worth(raw.parse()), "charged")
    before = settled(before, charged)
    with client.messages.stream(**question) as events:
        message = events.get_final_message()
    true(text_of(message), "no streamed text")
    settled(before, worth(message))


cell.run()
