// Every page of pages.json.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { lookAt } from "../looks.mjs";
import { signedIn } from "../common.mjs";

const pages = JSON.parse(readFileSync(join(import.meta.dirname, "../pages.json"), "utf8"));
let person;

export const cells = pages.map((page) => [
  `${page.name} looks right`,
  async () => {
    if (page.session) person ??= await signedIn();
    const count = await lookAt({ ...page, token: page.session ? person.token : undefined });
    return `${count} looks`;
  },
]);
