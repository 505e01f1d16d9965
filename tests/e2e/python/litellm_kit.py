"""LiteLLM as a client, by its names for three of these APIs."""

import os

# Otherwise it asks the network for its prices as it is imported.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm
from common import BASE_URL, KEY, PLAN, SCENARIOS, Cells, balance, charge, equal, settled

cell = Cells()
litellm.suppress_debug_info = True
HELLO = [{"role": "user", "content": "Say hello."}]
SETTINGS = {"messages": HELLO, "max_tokens": 1000, "num_retries": 0, "timeout": 30}


def by_chat(model, **more):
    return litellm.completion(model="openai/" + model, api_base=BASE_URL + "/v1", api_key=KEY, **SETTINGS, **more)


def by_messages(model, **more):
    return litellm.completion(model="anthropic/" + model, api_base=BASE_URL, api_key=KEY, **SETTINGS, **more)


def by_gemini(model, **more):
    return litellm.completion(model="gemini/" + model, api_base=BASE_URL, api_key=KEY, **SETTINGS, **more)


def price(scenario):
    return charge(SCENARIOS[scenario]["usage"], PLAN["price"])


def add(name, complete):
    @cell(f"{name}: text")
    def text():
        before = balance()
        answer = complete(SCENARIOS["chat"]["model"])
        settled(before, price("chat"))
        equal(answer.choices[0].message.content, SCENARIOS["chat"]["text"], "text")
        equal(answer.usage.completion_tokens, SCENARIOS["chat"]["usage"]["output_tokens"], "output tokens")

    @cell(f"{name}: stream")
    def stream():
        before = balance()
        chunks = list(complete(SCENARIOS["stream"]["model"], stream=True))
        settled(before, price("stream"))
        said = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
        equal(said, SCENARIOS["stream"]["text"], "text")


add("by chat", by_chat)
add("by messages", by_messages)
add("by gemini", by_gemini)
cell.run()
