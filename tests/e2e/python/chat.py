"""The official SDK of the chat completions API, through the gateway."""

import asyncio
import json
import uuid
from decimal import Decimal

import openai
from common import (
    BASE_URL, KEY, MODELS, PLAN, POOR_KEY, SCENARIOS, STRANGE_KEY, Cells, balance, charge, equal, raises, recorded,
    settled, true,
)
from pydantic import BaseModel

cell = Cells()
ACROSS = MODELS != "openai-chat"
URL = BASE_URL + "/v1"
client = openai.OpenAI(base_url=URL, api_key=KEY, max_retries=0, timeout=30)
HELLO = [{"role": "user", "content": "Say hello."}]
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "The weather somewhere",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        },
    }
]
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def price(scenario):
    return charge(SCENARIOS[scenario]["usage"], PLAN["price"])


def ask(scenario, **more):
    """A whole answer, whose charge and usage must be those worked out by hand."""
    before = balance()
    raw = client.chat.completions.with_raw_response.create(
        model=SCENARIOS[scenario]["model"], messages=more.pop("messages", HELLO), **more
    )
    charged = Decimal(raw.headers["x-credits-charged"])
    equal(charged, price(scenario), "charged")
    settled(before, charged)
    true(raw.headers["x-request-id"] and raw.headers["x-generation-id"], "an id is missing")
    equal(Decimal(raw.headers["x-credits-remaining"]), before - charged, "remaining")
    answer = raw.parse()
    usage = SCENARIOS[scenario]["usage"]
    equal(answer.usage.prompt_tokens, usage["input_tokens"], "input tokens")
    equal(answer.usage.completion_tokens, usage["output_tokens"], "output tokens")
    equal(answer.choices[0].message.content, SCENARIOS[scenario].get("text"), "text")
    return answer


def stream(scenario, **more):
    """A stream to its end; its chunks."""
    before = balance()
    chunks = list(
        client.chat.completions.create(
            model=SCENARIOS[scenario]["model"], messages=more.pop("messages", HELLO), stream=True, **more
        )
    )
    settled(before, price(scenario))
    return chunks


def text_of(chunks):
    return "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)


def calls_of(chunks):
    """The tool calls put together from their pieces."""
    calls = {}
    for chunk in chunks:
        for choice in chunk.choices:
            for piece in choice.delta.tool_calls or []:
                name, arguments = calls.get(piece.index, ("", ""))
                function = piece.function
                calls[piece.index] = (name or function.name, arguments + (function.arguments or ""))
    return list(calls.values())


@cell("chat")
def chat():
    ask("chat", max_tokens=300, temperature=0.5)


@cell("stream")
def plain_stream():
    chunks = stream("stream")
    equal(text_of(chunks), SCENARIOS["stream"]["text"], "text")
    true(all(chunk.choices for chunk in chunks), "a chunk without choices that nobody asked for")
    equal(chunks[-1].choices[0].finish_reason, "stop", "finish reason")
    before = balance()
    model = SCENARIOS["stream"]["model"]
    with client.chat.completions.stream(model=model, messages=HELLO) as events:
        answer = events.get_final_completion()
    equal(answer.choices[0].message.content, SCENARIOS["stream"]["text"], "text put together by the SDK")
    settled(before, price("stream"))


@cell("stream usage")
def stream_usage():
    chunks = stream("stream", stream_options={"include_usage": True})
    last, usage = chunks[-1], SCENARIOS["stream"]["usage"]
    equal(last.choices, [], "choices of the last chunk")
    equal(last.usage.prompt_tokens, usage["input_tokens"], "input tokens")
    equal(last.usage.completion_tokens, usage["output_tokens"], "output tokens")
    equal(Decimal(str(last.usage.model_extra["credits"])), price("stream"), "credits")
    true(last.usage.model_extra["generation_id"], "no generation id")
    if not ACROSS:
        unreported()


def unreported():
    """A stream that never tells its usage costs what was counted, and says so."""
    before = balance()
    model, more = SCENARIOS["stream_no_usage"]["model"], {"stream_options": {"include_usage": True}}
    chunks = list(client.chat.completions.create(model=model, messages=HELLO, stream=True, **more))
    credits = Decimal(str(chunks[-1].usage.model_extra["credits"]))
    true(credits > 0, "a stream without usage was free")
    settled(before, credits)


@cell("stream in odd pieces")
def odd_pieces():
    equal(text_of(stream("stream_bytes")), SCENARIOS["stream"]["text"], "text")


@cell("tools")
def tools():
    answer = ask("tools", tools=TOOLS, tool_choice="auto")
    call = answer.choices[0].message.tool_calls[0]
    equal([call.function.name], SCENARIOS["tools"]["tools"], "tools")
    json.loads(call.function.arguments)
    calls = calls_of(stream("tools_stream", tools=TOOLS))
    equal([name for name, _ in calls], SCENARIOS["tools_stream"]["tools"], "streamed tools")
    json.loads(calls[0][1])


@cell("parallel tools")
def parallel_tools():
    answer = ask("parallel_tools", tools=TOOLS, parallel_tool_calls=True)
    names = [call.function.name for call in answer.choices[0].message.tool_calls]
    equal(names, SCENARIOS["parallel_tools"]["tools"], "tools")
    calls = calls_of(stream("parallel_tools_stream", tools=TOOLS))
    true(len(calls) > 1, "one call only")
    equal([name for name, _ in calls], SCENARIOS["parallel_tools_stream"]["tools"], "streamed tools")


@cell("images")
def images():
    content = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
    ]
    ask("image", messages=[{"role": "user", "content": content}], max_tokens=300)


class Joke(BaseModel):
    joke: str
    rating: int


@cell("structured output")
def structured():
    schema = {"type": "object", "properties": {"joke": {"type": "string"}}, "required": ["joke"]}
    form = {"type": "json_schema", "json_schema": {"name": "Joke", "schema": schema}}
    answer = ask("structured", response_format=form)
    joke = json.loads(answer.choices[0].message.content)["joke"]
    before = balance()
    model = SCENARIOS["structured"]["model"]
    answer = client.chat.completions.parse(model=model, messages=HELLO, response_format=Joke)
    equal(answer.choices[0].message.parsed.joke, joke, "the parsed joke")
    settled(before, price("structured"))


@cell("thinking")
def thinking():
    answer = ask("thinking", reasoning_effort="low", max_completion_tokens=4096 if ACROSS else 16)
    expected = SCENARIOS["thinking"]["usage"]["reasoning_tokens"] or 0
    equal(answer.usage.completion_tokens_details.reasoning_tokens, expected, "reasoning tokens")
    chunks = stream("thinking_stream", stream_options={"include_usage": True})
    expected = SCENARIOS["thinking_stream"]["usage"]["reasoning_tokens"] or 0
    equal(chunks[-1].usage.completion_tokens_details.reasoning_tokens, expected, "streamed")
    if ACROSS:
        message = answer.choices[0].message
        seals = [part.get("signature") or part.get("data") for part in message.reasoning_details]
        true(seals and all(seals), "what the provider wants back with its thinking is gone")
        turns = [*HELLO, message.model_dump(exclude_none=True), {"role": "user", "content": "And?"}]
        ask("thinking", messages=turns)


@cell("cache control")
def cache():
    answer = ask("cache_read", prompt_cache_key="mine")
    expected = SCENARIOS["cache_read"]["usage"]["cached_input_tokens"]
    equal(answer.usage.prompt_tokens_details.cached_tokens, expected, "cached tokens")
    ask("cache_write", prompt_cache_key="mine")


@cell("models", replayed=False)
def models():
    listed = [model.id for model in client.models.list()]
    true(SCENARIOS["chat"]["model"] in listed, "the model is not listed")
    equal(client.models.retrieve(SCENARIOS["chat"]["model"]).id, SCENARIOS["chat"]["model"], "retrieved")


def create(scenario="chat", key=KEY, **more):
    with openai.OpenAI(base_url=URL, api_key=key, max_retries=0, timeout=30) as other:
        return other.chat.completions.create(
            **{"model": SCENARIOS[scenario]["model"], "messages": HELLO, **more}
        )


def problem(error, kind):
    """The error's type where the SDK shows it."""
    equal(error.body["type"], kind, "error type")
    return error.body["metadata"]


@cell("errors")
def errors():
    before = balance()
    problem(raises(openai.AuthenticationError, lambda: create(key=STRANGE_KEY)), "authentication")
    poor = raises(openai.APIStatusError, lambda: create(key=POOR_KEY, max_tokens=100_000))
    equal(poor.status_code, 402, "status")
    metadata = problem(poor, "payment_required")
    true(Decimal(metadata["required"]) > Decimal(metadata["available"]), "enough after all")
    true(metadata["affordable_max_tokens"] is not None and metadata["top_up_url"], "no way out is told")
    problem(raises(openai.NotFoundError, lambda: create(model="no/such-model")), "not_found")
    problem(raises(openai.BadRequestError, lambda: create(messages="none")), "invalid_request")
    raises(openai.BadRequestError, lambda: create("bad_request"))
    limited = raises(openai.RateLimitError, lambda: create("rate_limited"))
    problem(limited, "rate_limit_exceeded")
    true(int(limited.response.headers["retry-after"]) > 0, "when to try again is not told")
    problem(raises(openai.InternalServerError, lambda: create("broken")), "provider_unavailable")
    ours = raises(openai.InternalServerError, lambda: create("unauthorized"))
    true("key" not in ours.message.lower(), "our provider's word on our key reaches the client")
    settled(before, Decimal(0))


@cell("error in a stream")
def error_in_stream():
    before = balance()
    raw = client.chat.completions.with_raw_response.create(
        model=SCENARIOS["stream_cut"]["model"], messages=HELLO, stream=True
    )
    pieces = []
    raises(openai.APIError, lambda: pieces.extend(raw.parse()))
    true(text_of(pieces), "nothing came before the error")
    after = settled(before)
    true(after < before, "what came was free")
    equal(recorded(raw.headers["x-generation-id"]), before - after, "the record's charge")


@cell("50 at once")
def many():
    before = balance()

    async def one(other, number):
        scenario = ("chat", "tools", "stream")[number % 3]
        model = SCENARIOS[scenario]["model"]
        if scenario != "stream":
            raw = await other.chat.completions.with_raw_response.create(model=model, messages=HELLO)
            return Decimal(raw.headers["x-credits-charged"])
        async for chunk in await other.chat.completions.create(model=model, messages=HELLO, stream=True):
            usage = chunk.usage or usage_none
        return Decimal(str(usage.model_extra["credits"]))

    usage_none = None

    async def all_of_them():
        async with openai.AsyncOpenAI(base_url=URL, api_key=KEY, max_retries=0, timeout=60) as other:
            return await asyncio.gather(*(one(other, number) for number in range(50)))

    charges = asyncio.run(all_of_them())
    equal(charges, [price(("chat", "tools", "stream")[number % 3]) for number in range(50)], "charges")
    settled(before, sum(charges))


@cell("cancel")
def cancel():
    before = balance()
    raw = client.chat.completions.with_raw_response.create(
        model=SCENARIOS["stream_long"]["model"], messages=HELLO, stream=True
    )
    generation = raw.headers["x-generation-id"]
    chunks = raw.parse()
    for number, _ in enumerate(chunks):
        if number == 3:
            break
    chunks.close()
    after = settled(before)
    true(before - after <= price("stream_long"), "more than the whole answer")
    true(after < before, "nothing was charged")
    equal(recorded(generation), before - after, "the record's charge")


@cell("idempotency")
def idempotency():
    before = balance()
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    model = SCENARIOS["chat"]["model"]
    raw = client.chat.completions.with_raw_response.create(model=model, messages=HELLO, extra_headers=headers)
    again = raises(
        openai.ConflictError,
        lambda: client.chat.completions.create(model=model, messages=HELLO, extra_headers=headers),
    )
    problem(again, "duplicate_request")
    true(raw.headers["x-generation-id"] in again.response.text, "the first one's id is not told")
    settled(before, price("chat"))


@cell("sandbox", replayed=False)
def sandbox():
    before = balance()
    model = PLAN["sandbox"][MODELS]
    raw = client.chat.completions.with_raw_response.create(model=model, messages=HELLO)
    true(raw.parse().choices[0].message.content, "no text")
    whole = Decimal(raw.headers["x-credits-charged"])
    chunks = list(
        client.chat.completions.create(
            model=model, messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
    )
    true(text_of(chunks), "no streamed text")
    settled(before, whole + Decimal(str(chunks[-1].usage.model_extra["credits"])))


@cell("llama.cpp", replayed=False)
def local():
    model, rates = PLAN["local"][MODELS], PLAN["local"]["price"]
    question = {"model": model, "messages": HELLO, "max_tokens": 24, "temperature": 0}

    def worth(usage):
        tokens = {
            "input_tokens": usage.prompt_tokens,
            "output_tokens": usage.completion_tokens,
            "cached_input_tokens": getattr(usage.prompt_tokens_details, "cached_tokens", 0),
        }
        true(tokens["input_tokens"] > 0 and tokens["output_tokens"] > 0, "no usage")
        return charge(tokens, rates)

    before = balance()
    raw = client.chat.completions.with_raw_response.create(**question)
    charged = Decimal(raw.headers["x-credits-charged"])
    equal(charged, worth(raw.parse().usage), "charged")
    before = settled(before, charged)
    chunks = list(
        client.chat.completions.create(**question, stream=True, stream_options={"include_usage": True})
    )
    equal(text_of(chunks), raw.parse().choices[0].message.content, "streamed text")
    settled(before, worth(chunks[-1].usage))


cell.run()
