import { readFileSync } from "node:fs";
import { join } from "node:path";
import { repository } from "./repository.ts";

const manifest: { version: string } = JSON.parse(
  readFileSync(join(repository, "packages", "cli", "package.json"), "utf8"),
);

export const { version } = manifest;
