// Steps of a person in the checkout frame, which scenarios share.

import { check, freshAddress, mailedCode, plan, until } from "./common.mjs";

/** The frame of the checkout on a page. */
export async function frameOf(page, service = plan.url) {
  return until("the checkout frame", () => page.frames().find((one) => one.url().startsWith(`${service}/embed/checkout`)));
}

/** Waits for a step of the checkout. */
export async function step(frame, name) {
  await frame.locator(`[data-step="${name}"]`).waitFor();
}

/** Signs in as somebody new, with the code that `codeOf` an address finds, up to the choice of an amount. */
export async function signUp(frame, address = freshAddress("buyer"), codeOf = mailedCode) {
  await step(frame, "email");
  await frame.getByLabel("Email address", { exact: true }).fill(address);
  await frame.getByRole("button", { name: "Send code" }).click();
  await step(frame, "code");
  await frame.getByLabel("Code from the mail").fill(await codeOf(address));
  await frame.getByRole("button", { name: "Sign in" }).click();
  await step(frame, "accept");
  await frame.getByLabel(/accept the terms/).check();
  await frame.getByLabel(/16 or older/).check();
  await frame.getByRole("button", { name: "Agree and sign in" }).click();
  await step(frame, "amount");
  return address;
}

/** Pays on the page of the processor without money. */
export async function payOn(page) {
  check(page.url().includes("/sandbox/checkout/"), `not the page of the payment processor: ${page.url()}`);
  await page.getByRole("button", { name: "Pay", exact: true }).click();
  await page.waitForURL(/\/embed\/paid/);
}
