// The Vercel AI SDK, by its providers for these APIs.

import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, jsonSchema, Output, stepCountIs, streamText, tool } from "ai";
import { balance, baseUrl, cell, charge, equal, key, models, plan, run, scenarios, settled, true_ } from "./common.mjs";

const price = (scenario) => charge(scenarios[scenario].usage, plan.price);
const inputSchema = jsonSchema({ type: "object", properties: { city: { type: "string" } }, required: ["city"] });
const getWeather = tool({ description: "The weather", inputSchema, execute: ({ city }) => `Rain in ${city}.` });
const settings = { maxRetries: 0, maxOutputTokens: 1000 };

function add(name, of) {
  cell(`${name}: text`, async () => {
    const before = await balance();
    const { text, usage } = await generateText({ model: of(scenarios.chat.model), prompt: "Say hello.", ...settings });
    await settled(before, price("chat"));
    equal(text, scenarios.chat.text, "text");
    equal(usage.outputTokens, scenarios.chat.usage.output_tokens, "output tokens");
  });

  cell(`${name}: stream`, async () => {
    const before = await balance();
    const { textStream } = streamText({ model: of(scenarios.stream.model), prompt: "Say hello.", ...settings });
    let text = "";
    for await (const piece of textStream) text += piece;
    await settled(before, price("stream"));
    equal(text, scenarios.stream.text, "text");
  });

  cell(`${name}: tools`, async () => {
    const before = await balance();
    const { text, steps } = await generateText({
      model: of(plan.sandbox[models]), prompt: "How is the weather? Use the tool.", tools: { getWeather },
      stopWhen: stepCountIs(3), ...settings,
    });
    equal(steps[0].toolCalls.map((call) => call.toolName), ["getWeather"], "tools");
    true_(text.includes("Rain in"), `the tool's result did not arrive: ${text}`);
    true_((await settled(before)) < before, "it was free");
  }, { replayed: false });

  cell(`${name}: structured`, async () => {
    const { output } = await generateText({
      model: of(plan.sandbox[models]), prompt: "Name a place.", output: Output.object({ schema: inputSchema }),
      ...settings,
    });
    true_(typeof output.city === "string", "no city");
  }, { replayed: false });
}

const compatible = createOpenAICompatible({
  name: "opencredits", baseURL: `${baseUrl}/v1`, apiKey: key, supportsStructuredOutputs: true,
});
const anthropic = createAnthropic({ baseURL: `${baseUrl}/v1`, apiKey: key });
add("by chat", (model) => compatible(model));
add("by messages", (model) => anthropic(model));
await run();
