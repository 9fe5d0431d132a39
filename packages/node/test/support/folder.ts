import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** A directory that lives as long as the test that asks for it. */
export function testFolder(): string {
  const folder = temporaryFolder();
  onTestFinished(() => removeFolder(folder));
  return folder;
}

export const temporaryFolder = (): string => mkdtempSync(join(tmpdir(), "assay-node-"));

export const removeFolder = (path: string): void =>
  rmSync(path, { recursive: true, force: true, maxRetries: 3 });
