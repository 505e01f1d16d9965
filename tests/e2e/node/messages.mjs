// The official SDK of the messages API, through the gateway.

import { randomUUID } from "node:crypto";
import Anthropic from "@anthropic-ai/sdk";
import {
  balance, baseUrl, cell, charge, equal, get, hello, key, models, nano, pixel, plan, poorKey, raises, recorded, run,
  scenarios, settled, strangeKey, true_,
} from "./common.mjs";

const across = models !== "anthropic-messages";
const connect = (apiKey) => new Anthropic({ baseURL: baseUrl, apiKey, maxRetries: 0, timeout: 30_000 });
const client = connect(key);
const price = (scenario) => charge(scenarios[scenario].usage, plan.price);
const modelOf = (scenario) => scenarios[scenario].model;
const input_schema = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const tools = [{ name: "get_weather", description: "Weather", input_schema }];

const textOf = (message) =>
  message.content.filter((block) => block.type === "text").map((block) => block.text).join("");
const toolsOf = (message) =>
  message.content.filter((block) => block.type === "tool_use").map((block) => block.name);

/** This API's input count leaves cached tokens out. */
const totalInput = (usage) =>
  usage.input_tokens + (usage.cache_read_input_tokens ?? 0) + (usage.cache_creation_input_tokens ?? 0);

function check(message, scenario) {
  equal(totalInput(message.usage), scenarios[scenario].usage.input_tokens, "input tokens");
  equal(message.usage.output_tokens, scenarios[scenario].usage.output_tokens, "output tokens");
  equal(textOf(message), scenarios[scenario].text ?? "", "text");
  equal(toolsOf(message), scenarios[scenario].tools, "tools");
  return message;
}

const question = (scenario, more = {}) => ({
  model: modelOf(scenario),
  messages: hello,
  max_tokens: 1024,
  ...more,
});

/** A whole answer, whose charge and usage must be those worked out by hand. */
async function ask(scenario, more) {
  const before = await balance();
  const { data, response } = await client.messages.create(question(scenario, more)).withResponse();
  const charged = nano(response.headers.get("x-credits-charged"));
  equal(charged, price(scenario), "charged");
  await settled(before, charged);
  equal(nano(response.headers.get("x-credits-remaining")), before - charged, "remaining");
  true_(response.headers.get("x-request-id") && response.headers.get("x-generation-id"), "an id is missing");
  return check(data, scenario);
}

/** A stream to its end; the message that the SDK puts together. */
async function stream(scenario, more) {
  const before = await balance();
  const message = await client.messages.stream(question(scenario, more)).finalMessage();
  await settled(before, price(scenario));
  return check(message, scenario);
}

cell("chat", () => ask("chat", { system: "Be brief.", temperature: 0.5 }));
cell("stream", () => stream("stream"));

/** What the last event of a stream says was charged. */
async function creditsOf(events) {
  let credits;
  for await (const event of events) if (event.type === "message_delta") credits = event.usage.credits;
  return nano(credits);
}

cell("stream usage", async () => {
  const events = await client.messages.create(question("stream", { stream: true }));
  equal(await creditsOf(events), price("stream"), "credits");
});

cell("stream in odd pieces", () => stream("stream_bytes"));

cell("tools", async () => {
  equal((await ask("tools", { tools })).stop_reason, "tool_use", "stop reason");
  await stream("tools_stream", { tools });
});

cell("parallel tools", async () => {
  true_(toolsOf(await ask("parallel_tools", { tools })).length > 1, "one call only");
  true_(toolsOf(await stream("parallel_tools_stream", { tools })).length > 1, "one streamed call only");
});

cell("images", () => {
  const image = { type: "image", source: { type: "base64", media_type: "image/png", data: pixel } };
  const content = [image, { type: "text", text: "What is this?" }];
  return ask("image", { messages: [{ role: "user", content }] });
});

cell("structured output", async () => {
  const schema = { type: "object", properties: { a: { type: "string" } }, additionalProperties: false };
  const form = { format: { type: "json_schema", schema } };
  JSON.parse(textOf(await ask("structured", { output_config: form })));
});

cell("thinking", async () => {
  const more = { thinking: { type: "enabled", budget_tokens: 1024 }, max_tokens: 2048 };
  await ask("thinking", more);
  const message = await stream("thinking_stream", more);
  // The other side's models think in silence.
  if (across) return;
  const block = message.content.find((one) => one.type === "thinking");
  true_(block?.signature, "the signature is gone");
});

cell("cache control", async () => {
  const system = [{ type: "text", text: "Be brief.", cache_control: { type: "ephemeral" } }];
  await ask("cache_write", { system });
  system[0].cache_control.ttl = "1h";
  if (!across) await ask("cache_write_1h", { system });
  const message = await ask("cache_read", { system });
  const { cached_input_tokens } = scenarios.cache_read.usage;
  equal(message.usage.cache_read_input_tokens, cached_input_tokens, "read");
  if (!across) await stream("cache_read_stream", { system });
});

cell("models", async () => {
  const listed = JSON.parse(await get("/v1/models")).data.map((model) => model.id);
  true_(listed.includes(modelOf("chat")), "the model is not listed");
}, { replayed: false });

const create = (scenario, more = {}, withKey = key) =>
  connect(withKey).messages.create(question(scenario, more));

const problem = (error, kind, errorType) => {
  equal(error.error.error.type, kind, "this API's error type");
  equal(error.error.error.error_type, errorType, "error type");
};

cell("errors", async () => {
  const before = await balance();
  const strange = await raises(Anthropic.AuthenticationError, () => create("chat", {}, strangeKey));
  problem(strange, "authentication_error", "authentication");
  const poor = await raises(Anthropic.PaymentRequiredError, () => create("chat", { max_tokens: 100_000 }, poorKey));
  equal(poor.status, 402, "status");
  problem(poor, "billing_error", "payment_required");
  const unknown = await raises(Anthropic.NotFoundError, () => create("chat", { model: "no/such-model" }));
  problem(unknown, "not_found_error", "not_found");
  const bad = await raises(Anthropic.BadRequestError, () => create("chat", { messages: "none" }));
  problem(bad, "invalid_request_error", "invalid_request");
  await raises(Anthropic.BadRequestError, () => create("bad_request"));
  const limited = await raises(Anthropic.RateLimitError, () => create("rate_limited"));
  problem(limited, "rate_limit_error", "rate_limit_exceeded");
  true_(Number(limited.headers.get("retry-after")) > 0, "when to try again is not told");
  await raises(Anthropic.InternalServerError, () => create("broken"));
  await raises(Anthropic.InternalServerError, () => create("unauthorized"));
  await settled(before, 0n);
});

cell("error in a stream", async () => {
  const before = await balance();
  const pieces = [];
  const { data, response } = await create("stream_cut", { stream: true }).withResponse();
  let error;
  try {
    for await (const event of data) pieces.push(event);
  } catch (caught) {
    error = caught;
  }
  true_(error instanceof Anthropic.APIError, `no error of the SDK's: ${error}`);
  true_(pieces.length > 2, "nothing came before the error");
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
    const { data, response } = await create(scenario, { stream: streams }).withResponse();
    return streams ? creditsOf(data) : nano(response.headers.get("x-credits-charged"));
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
    if (pieces === 6) break;
  }
  const after = await settled(before);
  true_(after < before, "nothing was charged");
  true_(before - after <= price("stream_long"), "more than the whole answer");
  equal(await recorded(answer.response.headers.get("x-generation-id")), before - after, "the record's charge");
});

cell("idempotency", async () => {
  const before = await balance();
  const options = { headers: { "Idempotency-Key": randomUUID() } };
  const first = await client.messages.create(question("chat"), options).withResponse();
  const again = await raises(Anthropic.ConflictError, () => client.messages.create(question("chat"), options));
  problem(again, "invalid_request_error", "duplicate_request");
  const id = first.response.headers.get("x-generation-id");
  true_(JSON.stringify(again.error).includes(id), "the first one's id is not told");
  await settled(before, price("chat"));
});

cell("sandbox", async () => {
  const before = await balance();
  const more = { model: plan.sandbox[models], max_tokens: 256 };
  const { data, response } = await create("chat", more).withResponse();
  true_(textOf(data), "no text");
  const whole = nano(response.headers.get("x-credits-charged"));
  const streamed = await creditsOf(await create("chat", { ...more, stream: true }));
  await settled(before, whole + streamed);
}, { replayed: false });

cell("llama.cpp", async () => {
  // Warmer, it may begin with half an emoji, and its server then leaves out the stream's first event and the input.
  const asked = { model: plan.local[models], messages: hello, max_tokens: 24, temperature: 0 };
  const worth = (usage) => {
    const tokens = {
      input_tokens: totalInput(usage),
      cached_input_tokens: usage.cache_read_input_tokens,
      output_tokens: usage.output_tokens,
    };
    true_(tokens.input_tokens > 0 && tokens.output_tokens > 0, "no usage");
    return charge(tokens, plan.local.price);
  };
  let before = await balance();
  const { data, response } = await client.messages.create(asked).withResponse();
  equal(nano(response.headers.get("x-credits-charged")), worth(data.usage), "charged");
  before = await settled(before, worth(data.usage));
  const message = await client.messages.stream(asked).finalMessage();
  true_(textOf(message), "no streamed text");
  await settled(before, worth(message.usage));
}, { replayed: false });

await run();
