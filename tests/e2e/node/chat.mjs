// The official SDK of the chat completions API, through the gateway.

import { randomUUID } from "node:crypto";
import OpenAI from "openai";
import {
  balance, baseUrl, cell, charge, equal, hello, key, models, nano, pixel, plan, poorKey, raises, recorded, run,
  scenarios, settled, strangeKey, true_,
} from "./common.mjs";

const across = models !== "openai-chat";
const connect = (apiKey) => new OpenAI({ baseURL: `${baseUrl}/v1`, apiKey, maxRetries: 0, timeout: 30_000 });
const client = connect(key);
const price = (scenario) => charge(scenarios[scenario].usage, plan.price);
const modelOf = (scenario) => scenarios[scenario].model;
const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const tools = [{ type: "function", function: { name: "get_weather", description: "Weather", parameters } }];

/** A whole answer, whose charge and usage must be those worked out by hand. */
async function ask(scenario, more = {}) {
  const before = await balance();
  const question = { model: modelOf(scenario), messages: hello, ...more };
  const { data, response } = await client.chat.completions.create(question).withResponse();
  const charged = nano(response.headers.get("x-credits-charged"));
  equal(charged, price(scenario), "charged");
  await settled(before, charged);
  equal(nano(response.headers.get("x-credits-remaining")), before - charged, "remaining");
  true_(response.headers.get("x-request-id") && response.headers.get("x-generation-id"), "an id is missing");
  equal(data.usage.prompt_tokens, scenarios[scenario].usage.input_tokens, "input tokens");
  equal(data.usage.completion_tokens, scenarios[scenario].usage.output_tokens, "output tokens");
  equal(data.choices[0].message.content ?? null, scenarios[scenario].text, "text");
  return data;
}

/** A stream to its end; its chunks. */
async function stream(scenario, more = {}) {
  const before = await balance();
  const question = { model: modelOf(scenario), messages: hello, stream: true, ...more };
  const chunks = [];
  for await (const chunk of await client.chat.completions.create(question)) chunks.push(chunk);
  await settled(before, price(scenario));
  return chunks;
}

const textOf = (chunks) => chunks.map((chunk) => chunk.choices[0]?.delta?.content ?? "").join("");

/** The tool calls put together from their pieces. */
function callsOf(chunks) {
  const calls = [];
  for (const choice of chunks.flatMap((chunk) => chunk.choices)) {
    for (const piece of choice.delta.tool_calls ?? []) {
      calls[piece.index] ??= { name: piece.function.name, arguments: "" };
      calls[piece.index].arguments += piece.function.arguments ?? "";
    }
  }
  return calls;
}

cell("chat", () => ask("chat", { max_tokens: 300, temperature: 0.5 }));

cell("stream", async () => {
  const chunks = await stream("stream");
  equal(textOf(chunks), scenarios.stream.text, "text");
  true_(chunks.every((chunk) => chunk.choices.length > 0), "a chunk without choices that nobody asked for");
  const before = await balance();
  const question = { model: modelOf("stream"), messages: hello };
  equal(await client.chat.completions.stream(question).finalContent(), scenarios.stream.text, "text by the SDK");
  await settled(before, price("stream"));
});

cell("stream usage", async () => {
  const chunks = await stream("stream", { stream_options: { include_usage: true } });
  const last = chunks.at(-1);
  equal(last.choices, [], "choices of the last chunk");
  equal(last.usage.prompt_tokens, scenarios.stream.usage.input_tokens, "input tokens");
  equal(nano(last.usage.credits), price("stream"), "credits");
  if (!across) await unreported();
});

/** A stream that never tells its usage costs what was counted, and says so. */
async function unreported() {
  const before = await balance();
  const more = { stream: true, stream_options: { include_usage: true } };
  const chunks = [];
  for await (const chunk of await create("stream_no_usage", more)) chunks.push(chunk);
  const credits = nano(chunks.at(-1).usage.credits);
  true_(credits > 0n, "a stream without usage was free");
  await settled(before, credits);
}

cell("stream in odd pieces", async () => {
  equal(textOf(await stream("stream_bytes")), scenarios.stream.text, "text");
});

cell("tools", async () => {
  const answer = await ask("tools", { tools, tool_choice: "auto" });
  const names = answer.choices[0].message.tool_calls.map((call) => call.function.name);
  equal(names, scenarios.tools.tools, "tools");
  const calls = callsOf(await stream("tools_stream", { tools }));
  equal(calls.map((call) => call.name), scenarios.tools_stream.tools, "streamed tools");
  JSON.parse(calls[0].arguments);
});

cell("parallel tools", async () => {
  const answer = await ask("parallel_tools", { tools, parallel_tool_calls: true });
  equal(answer.choices[0].message.tool_calls.length, scenarios.parallel_tools.tools.length, "calls");
  const calls = callsOf(await stream("parallel_tools_stream", { tools }));
  true_(calls.length > 1, "one call only");
  equal(calls.map((call) => call.name), scenarios.parallel_tools_stream.tools, "streamed tools");
});

cell("images", () => {
  const url = `data:image/png;base64,${pixel}`;
  const content = [{ type: "text", text: "What is this?" }, { type: "image_url", image_url: { url } }];
  return ask("image", { messages: [{ role: "user", content }], max_tokens: 300 });
});

cell("structured output", async () => {
  const schema = { type: "object", properties: { joke: { type: "string" } }, required: ["joke"] };
  const form = { type: "json_schema", json_schema: { name: "Joke", schema } };
  const answer = await ask("structured", { response_format: form });
  true_("joke" in JSON.parse(answer.choices[0].message.content), "no joke");
});

cell("thinking", async () => {
  const answer = await ask("thinking", { reasoning_effort: "low", max_completion_tokens: across ? 4096 : 16 });
  const { reasoning_tokens } = answer.usage.completion_tokens_details;
  equal(reasoning_tokens, scenarios.thinking.usage.reasoning_tokens ?? 0, "reasoning tokens");
  const chunks = await stream("thinking_stream", { stream_options: { include_usage: true } });
  const streamed = chunks.at(-1).usage.completion_tokens_details.reasoning_tokens;
  equal(streamed, scenarios.thinking_stream.usage.reasoning_tokens ?? 0, "streamed");
});

cell("cache control", async () => {
  const answer = await ask("cache_read", { prompt_cache_key: "mine" });
  const { cached_tokens } = answer.usage.prompt_tokens_details;
  equal(cached_tokens, scenarios.cache_read.usage.cached_input_tokens, "cached tokens");
  await ask("cache_write", { prompt_cache_key: "mine" });
});

cell("models", async () => {
  const listed = [];
  for await (const model of client.models.list()) listed.push(model.id);
  true_(listed.includes(modelOf("chat")), "the model is not listed");
  equal((await client.models.retrieve(modelOf("chat"))).id, modelOf("chat"), "retrieved");
}, { replayed: false });

const create = (scenario, more = {}, withKey = key) =>
  connect(withKey).chat.completions.create({ model: modelOf(scenario), messages: hello, ...more });

cell("errors", async () => {
  const before = await balance();
  const strange = await raises(OpenAI.AuthenticationError, () => create("chat", {}, strangeKey));
  equal(strange.type, "authentication", "error type");
  const poor = await raises(OpenAI.APIError, () => create("chat", { max_tokens: 100_000 }, poorKey));
  equal([poor.status, poor.type], [402, "payment_required"], "error");
  true_(poor.error.metadata.affordable_max_tokens !== undefined, "no way out is told");
  const unknown = await raises(OpenAI.NotFoundError, () => create("chat", { model: "no/such-model" }));
  equal(unknown.type, "not_found", "error type");
  const bad = await raises(OpenAI.BadRequestError, () => create("chat", { messages: "none" }));
  equal(bad.type, "invalid_request", "error type");
  await raises(OpenAI.BadRequestError, () => create("bad_request"));
  const limited = await raises(OpenAI.RateLimitError, () => create("rate_limited"));
  equal(limited.type, "rate_limit_exceeded", "error type");
  true_(Number(limited.headers.get("retry-after")) > 0, "when to try again is not told");
  await raises(OpenAI.InternalServerError, () => create("broken"));
  await raises(OpenAI.InternalServerError, () => create("unauthorized"));
  await settled(before, 0n);
});

cell("error in a stream", async () => {
  const before = await balance();
  const pieces = [];
  const { data, response } = await create("stream_cut", { stream: true }).withResponse();
  await raises(OpenAI.APIError, async () => {
    for await (const chunk of data) pieces.push(chunk);
  });
  true_(textOf(pieces), "nothing came before the error");
  const after = await settled(before);
  true_(after < before, "what came was free");
  equal(await recorded(response.headers.get("x-generation-id")), before - after, "the record's charge");
});

const mixed = (number) => ["chat", "tools", "stream"][number % 3];

cell("50 at once", async () => {
  const before = await balance();
  const one = async (number) => {
    const scenario = mixed(number);
    const streams = scenario === "stream";
    const answer = await create(scenario, { stream: streams }).withResponse();
    if (!streams) return nano(answer.response.headers.get("x-credits-charged"));
    let usage;
    for await (const chunk of answer.data) usage = chunk.usage ?? usage;
    return nano(usage.credits);
  };
  const charges = await Promise.all(Array.from({ length: 50 }, (_, number) => one(number)));
  charges.forEach((charged, number) => equal(charged, price(mixed(number)), `charge of request ${number}`));
  await settled(before, charges.reduce((sum, value) => sum + value, 0n));
});

cell("cancel", async () => {
  const before = await balance();
  const answer = await create("stream_long", { stream: true }).withResponse();
  let pieces = 0;
  for await (const _ of answer.data) {
    pieces += 1;
    if (pieces === 4) break;
  }
  const after = await settled(before);
  true_(after < before, "nothing was charged");
  true_(before - after <= price("stream_long"), "more than the whole answer");
  equal(await recorded(answer.response.headers.get("x-generation-id")), before - after, "the record's charge");
});

cell("idempotency", async () => {
  const before = await balance();
  const options = { headers: { "Idempotency-Key": randomUUID() } };
  const question = { model: modelOf("chat"), messages: hello };
  const first = await client.chat.completions.create(question, options).withResponse();
  const again = await raises(OpenAI.ConflictError, () => client.chat.completions.create(question, options));
  equal(again.type, "duplicate_request", "error type");
  const id = first.response.headers.get("x-generation-id");
  true_(JSON.stringify(again.error).includes(id), "the first one's id is not told");
  await settled(before, price("chat"));
});

cell("sandbox", async () => {
  const before = await balance();
  const question = { model: plan.sandbox[models], messages: hello };
  const { data, response } = await client.chat.completions.create(question).withResponse();
  true_(data.choices[0].message.content, "no text");
  const whole = nano(response.headers.get("x-credits-charged"));
  const more = { stream: true, stream_options: { include_usage: true } };
  const chunks = [];
  for await (const chunk of await client.chat.completions.create({ ...question, ...more })) chunks.push(chunk);
  true_(textOf(chunks), "no streamed text");
  await settled(before, whole + nano(chunks.at(-1).usage.credits));
}, { replayed: false });

cell("llama.cpp", async () => {
  const question = { model: plan.local[models], messages: hello, max_tokens: 24, temperature: 0 };
  const worth = (usage) => {
    const tokens = {
      input_tokens: usage.prompt_tokens,
      output_tokens: usage.completion_tokens,
      cached_input_tokens: usage.prompt_tokens_details?.cached_tokens,
    };
    true_(tokens.input_tokens > 0 && tokens.output_tokens > 0, "no usage");
    return charge(tokens, plan.local.price);
  };
  let before = await balance();
  const { data, response } = await client.chat.completions.create(question).withResponse();
  equal(nano(response.headers.get("x-credits-charged")), worth(data.usage), "charged");
  before = await settled(before, worth(data.usage));
  const more = { stream: true, stream_options: { include_usage: true } };
  const chunks = [];
  for await (const chunk of await client.chat.completions.create({ ...question, ...more })) chunks.push(chunk);
  equal(textOf(chunks), data.choices[0].message.content, "streamed text");
  await settled(before, worth(chunks.at(-1).usage));
}, { replayed: false });

await run();
