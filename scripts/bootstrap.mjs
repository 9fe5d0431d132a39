// What `npm start`, `npm test` and the other npm scripts run. Plain JavaScript for Node >= 18:
// installs what the command needs and is missing, then runs the command on the pinned Node.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { runOnPinnedNode } from "../packages/cli/bin/pinned-node.mjs";
import { runAssay } from "../packages/cli/bin/run-assay.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));

/** What each command runs, with the arguments before the caller's, and whether it needs the development packages. */
const COMMANDS = {
  start: { assay: ["start"], dev: false },
  bench: { run: ["bench/main.ts"], dev: true },
  campaign: { run: ["scripts/campaign.ts"], dev: true },
  test: { run: ["scripts/test.ts"], dev: true },
  check: { run: ["scripts/check.ts"], dev: true },
  generate: { run: ["scripts/generate.ts"], dev: true },
  forge: { run: ["scripts/forge.ts"], dev: true },
  node: { run: [], dev: true },
};

/**
 * The first package that package-lock.json asks for and node_modules does not hold in that version,
 * by the record npm itself keeps there (it is written last, so a broken install has none).
 */
function firstMissing(withDev) {
  const wanted = JSON.parse(readFileSync(`${root}package-lock.json`, "utf8")).packages;
  let installed;
  try {
    installed = JSON.parse(readFileSync(`${root}node_modules/.package-lock.json`, "utf8")).packages;
  } catch {
    return "node_modules";
  }
  for (const [path, entry] of Object.entries(wanted)) {
    if (!path.startsWith("node_modules/") || entry.link) continue;
    // Other platforms' binaries are in the lockfile too and never installed here.
    if (entry.optional || entry.devOptional || entry.peer) continue;
    if (entry.dev && !withDev) continue;
    if (installed[path]?.version !== entry.version) return path.slice("node_modules/".length);
  }
  return undefined;
}

function install(withDev) {
  const missing = firstMissing(withDev);
  if (missing === undefined) return;
  const what = withDev ? "everything, development tools included" : "what running needs";
  process.stderr.write(
    `assay: installing ${what}, from npm into ${root}node_modules, because ${missing} is not there as package-lock.json wants it.\n` +
      "assay: this happens once and takes about a minute.\n",
  );
  const args = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
  if (!withDev) args.push("--omit=dev");
  const npm = process.env.npm_execpath;
  const started = Date.now();
  const options = { cwd: root, stdio: ["ignore", 2, 2] };
  const result = npm?.endsWith(".js")
    ? spawnSync(process.execPath, [npm, ...args], options)
    : spawnSync("npm", args, options);
  if (result.status !== 0) {
    const why = result.error?.message ?? `npm ended with ${result.status ?? result.signal}`;
    process.stderr.write(
      `assay: the installation failed (${why}); npm's own message is above.\n` +
        `assay: check the network, the disk and npm's settings ("npm config ls"), then try again; it starts afresh.\n`,
    );
    process.exit(1);
  }
  const seconds = ((Date.now() - started) / 1000).toFixed(0);
  process.stderr.write(`assay: installed in ${seconds} s.\n`);
}

const [command = "", ...rest] = process.argv.slice(2);
const entry = Object.hasOwn(COMMANDS, command) ? COMMANDS[command] : undefined;
if (entry === undefined) {
  process.stderr.write(
    `assay: unknown command "${command}"; there are: ${Object.keys(COMMANDS).join(", ")}\n`,
  );
  process.exit(2);
}
install(entry.dev);
process.chdir(root);
if (entry.assay !== undefined) {
  await runAssay(root, [...entry.assay, ...rest]);
} else {
  const [file, ...args] = [...entry.run, ...rest];
  if (file === undefined) {
    process.stderr.write(`assay: "npm run ${command}" needs a file to run\n`);
    process.exit(2);
  }
  runOnPinnedNode(file, args);
}
