/** Measurements that need a process of their own: what a user waits for, from nothing. */

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/**
 * Runs `npm start -- --exit` with its state in `home`.
 *
 * @returns seconds until it has printed that the answer is verified and paid; it stops everything after that
 * @throws if it ends with anything else
 */
export async function startSeconds(home: string): Promise<number> {
  const started = performance.now();
  const child = spawn("npm", ["start", "--silent", "--", "--exit", "--json", "--port", "0"], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ASSAY_HOME: home },
  });
  let log = "";
  child.stderr.on("data", (chunk: Buffer) => {
    log += chunk.toString();
  });
  let seconds: number | undefined;
  createInterface(child.stdout).on("line", (line) => {
    if (isVerifiedAndPaid(line)) seconds = (performance.now() - started) / 1000;
  });
  const [code] = await once(child, "close");
  if (code !== 0 || seconds === undefined) {
    throw new Error(`npm start ended with ${String(code)} and no paid answer: ${log.slice(-2000)}`);
  }
  return seconds;
}

/** Whether a line of `assay start --json` is its result, and a good one. */
function isVerifiedAndPaid(line: string): boolean {
  if (!line.startsWith("{")) return false;
  const result: {
    readonly verified?: unknown;
    readonly payment?: { readonly hash?: unknown };
  } = JSON.parse(line);
  return result.verified === true && result.payment?.hash !== undefined;
}

export interface ColdVerification {
  /** Loading the modules, from the sources. */
  readonly imports: number;
  /** From reading the program file to the verdict. */
  readonly verify: number;
}

/** Milliseconds of one verification in a fresh process. @throws if the verdict is not a good one */
export function verifyCold(program: string, receipt: string): ColdVerification {
  const script = fileURLToPath(new URL("verify-cold.ts", import.meta.url));
  const args = ["--disable-warning=ExperimentalWarning", script, program, receipt];
  const result: ColdVerification & { readonly ok: boolean } = JSON.parse(run(args));
  if (!result.ok) throw new Error("the receipt of the default answer does not verify");
  return result;
}

/** Milliseconds of `assay verify`, from outside. @throws if the verdict is not a good one */
export function verifyCommand(receipt: string): number {
  const started = performance.now();
  run(["packages/cli/bin/assay.mjs", "verify", receipt]);
  return performance.now() - started;
}

/** Runs Node to the end and gives its output. @throws if it fails */
function run(args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`node ${args.join(" ")} ended with ${status}: ${stderr}`);
  return stdout;
}
