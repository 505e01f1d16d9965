"""Each API in front, through its own SDK, with models that speak another dialect, or the same."""

import json

import anthropic
import openai
from common import BASE_URL, KEY, PLAN, SCENARIOS, STRANGE_KEY, Cells, balance, charge, equal, raises, settled, true
from google import genai
from google.genai import errors, types

cell = Cells()
HELLO = "Say hello."
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
CAP = 4096


class Chat:
    """The chat completions of the OpenAI SDK."""

    def __init__(self, key=KEY):
        self.sdk = openai.OpenAI(base_url=BASE_URL + "/v1", api_key=key, max_retries=0, timeout=30)
        self.tools = [{"type": "function", "function": {"name": "f", "parameters": SCHEMA}}]

    def ask(self, model, tools=False, turns=None):
        more = {"tools": self.tools} if tools else {}
        messages = turns or [{"role": "user", "content": HELLO}]
        answer = self.sdk.chat.completions.create(model=model, messages=messages, **more)
        message = answer.choices[0].message
        calls = [(call.function.name, json.loads(call.function.arguments)) for call in message.tool_calls or []]
        return message.content or "", calls, message

    def stream(self, model):
        text, calls = "", {}
        messages = [{"role": "user", "content": HELLO}]
        for chunk in self.sdk.chat.completions.create(model=model, messages=messages, stream=True):
            for choice in chunk.choices:
                text += choice.delta.content or ""
                for piece in choice.delta.tool_calls or []:
                    calls.setdefault(piece.index, [piece.function.name, ""])[1] += piece.function.arguments or ""
        return text, [(name, json.loads(arguments or "{}")) for name, arguments in calls.values()]

    def goes_on(self, message, calls):
        turns = [{"role": "user", "content": HELLO}, message.model_dump(exclude_none=True)]
        turns += [{"role": "tool", "tool_call_id": call.id, "content": "done"} for call in message.tool_calls or []]
        return turns if message.tool_calls else [*turns, {"role": "user", "content": "And?"}]

    def nobody(self, model):
        raises(openai.AuthenticationError, lambda: Chat(STRANGE_KEY).ask(model))
        raises(openai.NotFoundError, lambda: self.ask("no/such-model"))


class Messages:
    """The messages of the Anthropic SDK."""

    def __init__(self, key=KEY):
        self.sdk = anthropic.Anthropic(base_url=BASE_URL, api_key=key, max_retries=0, timeout=30)
        self.tools = [{"name": "f", "input_schema": SCHEMA}]

    def ask(self, model, tools=False, turns=None):
        more = {"tools": self.tools} if tools else {}
        messages = turns or [{"role": "user", "content": HELLO}]
        answer = self.sdk.messages.create(model=model, max_tokens=CAP, messages=messages, **more)
        text = "".join(block.text for block in answer.content if block.type == "text")
        calls = [(block.name, block.input) for block in answer.content if block.type == "tool_use"]
        return text, calls, answer

    def stream(self, model):
        messages = [{"role": "user", "content": HELLO}]
        with self.sdk.messages.stream(model=model, max_tokens=CAP, messages=messages) as events:
            answer = events.get_final_message()
        text = "".join(block.text for block in answer.content if block.type == "text")
        return text, [(block.name, block.input) for block in answer.content if block.type == "tool_use"]

    def goes_on(self, answer, calls):
        blocks = [block.model_dump(exclude_none=True) for block in answer.content]
        uses = [block["id"] for block in blocks if block["type"] == "tool_use"]
        results = [{"type": "tool_result", "tool_use_id": use, "content": "done"} for use in uses]
        return [
            {"role": "user", "content": HELLO},
            {"role": "assistant", "content": blocks},
            {"role": "user", "content": results or "And?"},
        ]

    def nobody(self, model):
        raises(anthropic.AuthenticationError, lambda: Messages(STRANGE_KEY).ask(model))
        raises(anthropic.NotFoundError, lambda: self.ask("no/such-model"))


class Responses:
    """The responses of the OpenAI SDK, without state."""

    def __init__(self, key=KEY):
        self.sdk = openai.OpenAI(base_url=BASE_URL + "/v1", api_key=key, max_retries=0, timeout=30)
        self.tools = [{"type": "function", "name": "f", "parameters": SCHEMA, "strict": False}]

    def ask(self, model, tools=False, turns=None, **more):
        more |= {"tools": self.tools} if tools else {}
        answer = self.sdk.responses.create(model=model, input=turns or HELLO, store=False, **more)
        true(answer.status in ("completed", "complete", "incomplete"), f"status {answer.status}")
        calls = [(item.name, json.loads(item.arguments)) for item in answer.output if item.type == "function_call"]
        return answer.output_text, calls, answer

    def stream(self, model):
        text, last = "", None
        for event in self.sdk.responses.create(model=model, input=HELLO, stream=True, store=False):
            if event.type == "response.output_text.delta":
                text += event.delta
            last = event
        true(last.type in ("response.completed", "response.incomplete"), last.type)
        equal(last.response.output_text, text, "the whole text at the end")
        output = last.response.output
        return text, [(item.name, json.loads(item.arguments)) for item in output if item.type == "function_call"]

    def goes_on(self, answer, calls):
        items = [item.model_dump(exclude_none=True) for item in answer.output]
        results = [
            {"type": "function_call_output", "call_id": item["call_id"], "output": "done"}
            for item in items
            if item["type"] == "function_call"
        ]
        return [{"role": "user", "content": HELLO}, *items, *(results or [{"role": "user", "content": "And?"}])]

    def nobody(self, model):
        raises(openai.AuthenticationError, lambda: Responses(STRANGE_KEY).ask(model))
        raises(openai.NotFoundError, lambda: self.ask("no/such-model"))
        for state in ({"previous_response_id": "resp_1"}, {"background": True}, {"conversation": "conv_1"}):
            refused = raises(openai.BadRequestError, lambda state=state: self.ask(model, **state))
            equal(refused.param, next(iter(state)), "the field is named")
        kept = raises(openai.BadRequestError, lambda: self.sdk.responses.create(model=model, input=HELLO, store=True))
        equal(kept.param, "store", "the field is named")


class Gemini:
    """The Google Gen AI SDK."""

    def __init__(self, key=KEY):
        options = types.HttpOptions(base_url=BASE_URL, timeout=30_000)
        self.sdk = genai.Client(api_key=key, http_options=options)
        function = types.FunctionDeclaration(name="f", parameters_json_schema=SCHEMA)
        self.tools = [types.Tool(function_declarations=[function])]

    def ask(self, model, tools=False, turns=None):
        off = types.AutomaticFunctionCallingConfig(disable=True)
        config = types.GenerateContentConfig(tools=self.tools if tools else None, automatic_function_calling=off)
        answer = self.sdk.models.generate_content(model=model, contents=turns or HELLO, config=config)
        return *self.said(answer.candidates[0].content.parts), answer

    @staticmethod
    def said(parts):
        text = "".join(part.text or "" for part in parts or [] if not part.thought)
        calls = [part.function_call for part in parts or [] if part.function_call]
        return text, [(call.name, call.args or {}) for call in calls]

    def stream(self, model):
        parts, usage = [], None
        for chunk in self.sdk.models.generate_content_stream(model=model, contents=HELLO):
            parts += chunk.candidates[0].content.parts or []
            usage = chunk.usage_metadata or usage
        true(usage.total_token_count > 0, "no usage")
        return self.said(parts)

    def goes_on(self, answer, calls):
        said = answer.candidates[0].content
        results = [
            types.Part(function_response=types.FunctionResponse(id=call.id, name=call.name, response={"output": "done"}))
            for call in answer.function_calls or []
        ]
        user = types.Content(role="user", parts=[types.Part(text=HELLO)])
        return [user, said, types.Content(role="user", parts=results or [types.Part(text="And?")])]

    def nobody(self, model):
        refused = raises(errors.ClientError, lambda: Gemini(STRANGE_KEY).ask(model))
        equal((refused.code, refused.status), (401, "UNAUTHENTICATED"), "the SDK's own shape of the error")
        equal(raises(errors.ClientError, lambda: self.ask("no/such-model")).code, 404, "code")


def price(scenario):
    return charge(SCENARIOS[scenario]["usage"], PLAN["price"])


def asked(front, scenario, **more):
    """A whole answer, charged as worked out by hand."""
    before = balance()
    text, calls, answer = front.ask(SCENARIOS[scenario]["model"], **more)
    settled(before, price(scenario))
    equal(text, SCENARIOS[scenario]["text"] or "", "text")
    equal([name for name, _ in calls], SCENARIOS[scenario]["tools"], "tools")
    return calls, answer


def streamed(front, scenario):
    before = balance()
    text, calls = front.stream(SCENARIOS[scenario]["model"])
    settled(before, price(scenario))
    equal(text, SCENARIOS[scenario]["text"] or "", "text")
    equal([name for name, _ in calls], SCENARIOS[scenario]["tools"], "tools")


def add(name, make):
    @cell(f"{name}: text")
    def text():
        asked(make(), "chat")

    @cell(f"{name}: stream")
    def stream():
        streamed(make(), "stream")

    @cell(f"{name}: tools")
    def tools():
        front = make()
        calls, answer = asked(front, "tools", tools=True)
        true(all(isinstance(arguments, dict) for _, arguments in calls), "arguments are no object")
        asked(front, "chat", tools=True, turns=front.goes_on(answer, calls))
        asked(front, "parallel_tools", tools=True)
        streamed(front, "tools_stream")

    @cell(f"{name}: structured")
    def structured():
        json.loads(SCENARIOS["structured"]["text"])
        asked(make(), "structured")

    @cell(f"{name}: thinking")
    def thinking():
        front = make()
        calls, answer = asked(front, "thinking", tools=True)
        asked(front, "thinking", tools=True, turns=front.goes_on(answer, calls))
        streamed(front, "thinking_stream")

    @cell(f"{name}: errors")
    def nobody():
        before = balance()
        make().nobody(SCENARIOS["chat"]["model"])
        equal(balance(), before, "an error was charged")


for name, make in [("chat", Chat), ("messages", Messages), ("responses", Responses), ("gemini", Gemini)]:
    add(name, make)
cell.run()
