"""LangChain, by its two packages for these APIs."""

import json
from decimal import Decimal

from common import BASE_URL, KEY, MODELS, PLAN, SCENARIOS, Cells, balance, charge, equal, settled, true
from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI

cell = Cells()


@tool
def get_weather(city: str) -> str:
    """The weather somewhere."""
    return f"Rain in {city}."


def of_openai(model, **more):
    return ChatOpenAI(base_url=BASE_URL + "/v1", api_key=KEY, model=model, max_retries=0, timeout=30, **more)


def of_anthropic(model, **more):
    return ChatAnthropic(
        base_url=BASE_URL, api_key=KEY, model_name=model, max_retries=0, timeout=30, stop=None, max_tokens=1000, **more
    )


def price(scenario):
    return charge(SCENARIOS[scenario]["usage"], PLAN["price"])


def model_of(scenario):
    return SCENARIOS[scenario]["model"]


def spends(call):
    before = balance()
    answer = call()
    true(settled(before) < before, "it was free")
    return answer


def add(name, make):
    @cell(f"{name}: text")
    def text():
        before = balance()
        answer = make(model_of("chat")).invoke("Say hello.")
        settled(before, price("chat"))
        equal(answer.text, SCENARIOS["chat"]["text"], "text")
        equal(Decimal(answer.usage_metadata["output_tokens"]), SCENARIOS["chat"]["usage"]["output_tokens"], "usage")

    @cell(f"{name}: stream")
    def stream():
        before = balance()
        chunks = list(make(model_of("stream")).stream("Say hello."))
        settled(before, price("stream"))
        equal("".join(chunk.text for chunk in chunks), SCENARIOS["stream"]["text"], "text")

    @cell(f"{name}: tools", replayed=False)
    def tools():
        bound = make(PLAN["sandbox"][MODELS]).bind_tools([get_weather])
        asked = HumanMessage("How is the weather? Use the tool.")
        said = spends(lambda: bound.invoke([asked]))
        call = said.tool_calls[0]
        equal(call["name"], "get_weather", "tool")
        result = ToolMessage(get_weather.invoke(call["args"]), tool_call_id=call["id"])
        answer = spends(lambda: bound.invoke([asked, said, result]))
        true("Rain in" in answer.text, f"the tool's result did not arrive: {answer.text}")

    @cell(f"{name}: structured", replayed=False)
    def structured():
        form = {"title": "Place", "description": "A place", "type": "object",
                "properties": {"city": {"type": "string"}}, "required": ["city"]}
        bound = make(PLAN["sandbox"][MODELS]).with_structured_output(form, method="json_schema")
        place = spends(lambda: bound.invoke("Name a place."))
        true(isinstance(place["city"], str), json.dumps(place))


add("by chat", of_openai)
add("by messages", of_anthropic)
cell.run()
