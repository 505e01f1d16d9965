// Every page of pages.json.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { lookAt } from "../looks.mjs";
import { visit } from "../people.mjs";

const pages = JSON.parse(readFileSync(join(import.meta.dirname, "../pages.json"), "utf8"));

export const cells = pages.map((page) => [
  `${page.name} looks right`,
  async () => `${await lookAt({ ...page, ...(await visit(page)) })} looks`,
]);
