// Downloads need the session, so a link does not do.

import { Refusal, authorized } from "./session.js";

export function saveAs(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

/** The error of an answer. */
export async function refused(answer) {
  const json = await answer.json().catch(() => null);
  return new Refusal(answer.status, json?.error ?? {}, answer.headers.get("x-request-id"));
}

/** Saves what is at an address as a file. */
export async function save(url, name) {
  const answer = await fetch(url, { headers: authorized(), credentials: "omit", cache: "no-store" });
  if (!answer.ok) throw await refused(answer);
  saveAs(await answer.blob(), name);
}
