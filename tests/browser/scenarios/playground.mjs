// The playground's parts: attachments, instructions and parameters, stopping, and code that runs as it is copied.

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { call, check, equal, opened, signedIn, until, withBrowser } from "../common.mjs";
import { bought, made, MODEL } from "../people.mjs";

const PAGE = `/playground?model=${MODEL}`;
/** One red point. */
const PICTURE = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==", "base64");
const attached = (name, mimeType, content) => ({ name, mimeType, buffer: Buffer.from(content) });

/** Runs `body` on the playground of a person with credits, with the bodies of the requests that it has sent. */
async function playing(body, options = {}) {
  const person = await signedIn();
  await bought(person.token);
  await withBrowser(async (context, watched) => {
    const sent = { "/v1/chat/completions": [], "/v1/keys": [] };
    context.on("request", (request) => {
      if (request.method() === "POST") sent[new URL(request.url()).pathname]?.push(request.postDataJSON());
    });
    const page = await opened(context, person, PAGE);
    await body({ page, person, context, requests: sent["/v1/chat/completions"], keys: sent["/v1/keys"] });
    equal(watched.errors, [], "errors");
  }, options);
}

async function says(page, text) {
  await page.getByLabel("Message").fill(text);
  await page.getByRole("button", { name: "Send" }).click();
}

/** A text file and a picture go along; what is neither is refused beside its field. */
async function attachments() {
  await playing(async ({ page, requests }) => {
    const files = page.getByLabel("Attachments");
    await files.setInputFiles([attached("noise.bin", "application/octet-stream", [0xff, 0xfe, 0xff])]);
    await says(page, "What is this?");
    await page.locator("[data-field=files] .wrong").getByText("An attachment is neither a picture nor text").waitFor();
    equal([requests.length, await page.getByLabel("Message").inputValue()], [0, "What is this?"], "what was sent, and what stays");
    const [picture, notes] = [attached("red.png", "image/png", PICTURE), attached("notes.txt", "text/plain", "sandbox:echo The tide is high")];
    await files.setInputFiles([picture, notes]);
    check((await page.locator("#code").textContent()).includes("TEXT_OF_notes.txt"), "the code names the file");
    await page.getByRole("button", { name: "Send" }).click();
    await page.getByText(/credits charged/).waitFor();
    check((await page.locator(".talk li pre").last().textContent()).includes("The tide is high"), "the answer repeats the file");
    const kinds = requests[0].messages[0].content.map((part) => part.image_url?.url.slice(0, 22) ?? part.text);
    equal(kinds, ["What is this?", "data:image/png;base64,", "notes.txt:\nsandbox:echo The tide is high"], "the parts");
    equal(await files.evaluate((input) => input.files.length), 0, "files that stay for the next message");
  });
}

/** Each field is in the request, and the limit is that of the key which pays. */
async function parameters() {
  await playing(async ({ page, requests, keys }) => {
    await page.getByLabel("Instructions", { exact: true }).fill("Answer in French.");
    await page.getByLabel("Longest answer, in tokens").fill("12");
    await page.getByLabel("Spend at most, in credits").fill("7");
    await page.getByLabel("Temperature").fill("warm");
    await says(page, "sandbox:tokens 90");
    await page.locator("[data-field=temperature] .wrong").getByText("Enter a number").waitFor();
    equal(requests.length, 0, "requests with a number that is none");
    await page.getByLabel("Temperature").fill("0.5");
    await page.getByRole("button", { name: "Send" }).click();
    await page.getByText(/credits charged/).waitFor();
    const [{ messages, temperature, max_tokens, stream }] = requests;
    equal([temperature, max_tokens, stream], [0.5, 12, true], "the parameters");
    equal(messages, [{ role: "system", content: "Answer in French." }, { role: "user", content: "sandbox:tokens 90" }], "the messages");
    equal(keys.map(({ name, limit }) => [name, limit]), [["playground", 7]], "the key");
  });
}

/** Who stops an answer keeps what has come, and can go on. */
async function stop() {
  await playing(async ({ page }) => {
    await says(page, "sandbox:tokens 400 sandbox:slow 200");
    const answer = page.locator(".talk li").nth(1);
    await until("the first words", async () => (await answer.locator("pre").textContent().catch(() => "")).length > 0);
    check(await page.getByRole("button", { name: "Send" }).isDisabled(), "a second message while an answer comes");
    await page.getByRole("button", { name: "Stop" }).click();
    await answer.getByText(/^Stopped\./).waitFor();
    await page.getByRole("button", { name: "Stop" }).waitFor({ state: "hidden" });
    const text = await answer.locator("pre").textContent();
    await says(page, "sandbox:echo Go on");
    await page.getByText(/credits charged/).waitFor();
    equal(await answer.locator("pre").textContent(), text, "the answer that was stopped");
    await page.getByRole("button", { name: "New conversation" }).click();
    equal(await page.locator(".talk li").count(), 0, "what was said before");
  });
}

/** What the button copies is run by a shell, with a key of the person. */
async function code() {
  await playing(async ({ page, person }) => {
    await page.getByLabel("Instructions", { exact: true }).fill("It's Tom's.");
    await page.getByLabel("Message").fill("sandbox:echo It's \"high\" $HOME `date` tide");
    const snippet = page.locator(".snippet", { has: page.locator("#code") });
    await snippet.getByRole("button").click();
    const copied = await until("the copy", () => page.evaluate("navigator.clipboard.readText()"));
    equal(copied, await page.locator("#code").textContent(), "what is copied");
    const { key } = await made("/v1/keys", person.token, { name: "terminal" });
    const env = { PATH: process.env.PATH, KEY: key };
    const { stdout } = await promisify(execFile)("sh", ["-c", copied.replace("curl", "curl --silent --fail-with-body")], { env });
    equal(JSON.parse(stdout).choices[0].message.content.trim(), "It's \"high\" $HOME `date` tide", "the answer");
    equal((await call("GET", "/v1/key", { token: key })).status, 200, "the key");
  }, { permissions: ["clipboard-read", "clipboard-write"] });
}

export const cells = [
  ["attachments go along, and what is neither picture nor text is refused", attachments],
  ["instructions, parameters and the limit are in the request", parameters],
  ["an answer is stopped, and the conversation goes on", stop],
  ["the copied code runs in a shell", code],
];
