import { defineConfig } from "vitest/config";

/** Tests that open a role's database: on files, and again on PostgreSQL where `npm test` has a server for them. */
export const ON_POSTGRES: readonly string[] = [
  "attacks-by-clients",
  "attacks-by-workers",
  "challenge",
  "cheats",
  "gateway",
  "grants",
  "intake",
  "late-receipts",
  "reporter",
  "settle",
  "store",
  "task",
].map((name) => `packages/node/test/${name}.test.ts`);

const all = {
  extends: true as const,
  test: {
    name: "files",
    include: [
      "packages/*/test/**/*.test.ts",
      "scripts/test/**/*.test.ts",
      "bench/test/**/*.test.ts",
    ],
  },
};
const onPostgres = {
  extends: true as const,
  test: { name: "postgres", include: [...ON_POSTGRES], env: { ASSAY_TEST_DATABASE: "postgres" } },
};

export default defineConfig({
  test: {
    testTimeout: 30_000,
    projects: process.env["ASSAY_POSTGRES"] === undefined ? [all] : [all, onPostgres],
  },
});
