/** Logs are followed through failures of the RPC, and through a chain that takes blocks back. */

import type { PublicClient } from "viem";
import { expect, test } from "vitest";
import { followLogs } from "../src/follow.ts";

/** A chain as its RPC shows it: the name of each block is its hash, and its one log. */
function scripted(blocks: string[]) {
  const state = { blocks, failures: 0 };
  const blockAt = (number: number) => {
    if (state.failures-- > 0) throw new Error("the RPC is down");
    const hash = state.blocks[number];
    if (hash === undefined) throw new Error(`there is no block ${number}`);
    return { number: BigInt(number), hash };
  };
  const client = {
    getBlock: async ({ blockNumber }: { blockNumber?: bigint }) =>
      blockAt(blockNumber === undefined ? state.blocks.length - 1 : Number(blockNumber)),
    getLogs: async ({ fromBlock, toBlock }: { fromBlock: bigint; toBlock: bigint }) =>
      state.blocks.slice(Number(fromBlock), Number(toBlock) + 1).map((data) => ({ data })),
  } as unknown as PublicClient;
  return { state, client };
}

/** Follows while `steps` change the chain, each when its predecessor's blocks have been read. */
async function follow(
  start: string[],
  steps: readonly ((state: { blocks: string[]; failures: number }) => void)[],
  options: { readonly fromBlock?: bigint; readonly onLog?: (data: string) => void } = {},
) {
  const { state, client } = scripted(start);
  const heard: string[] = [];
  const stopping = new AbortController();
  const errors: unknown[] = [];
  let step = 0;
  const following = followLogs(client, {
    addresses: [],
    fromBlock: options.fromBlock ?? 0n,
    pollMs: 1,
    signal: stopping.signal,
    onLog: ({ data }) => {
      options.onLog?.(data);
      heard.push(data);
    },
    onError: (error) => errors.push(error),
  });
  const until = Date.now() + 5_000;
  for (;;) {
    const isRead = heard.at(-1) === state.blocks.at(-1);
    if (isRead && step === steps.length) break;
    if (isRead) steps[step++]?.(state);
    if (Date.now() > until) throw new Error(`heard only ${heard.join(" ")}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  stopping.abort();
  await following;
  return { heard, errors };
}

test("each log once, in order, as blocks come", async () => {
  const { heard } = await follow(["a", "b"], [({ blocks }) => blocks.push("c", "d")]);
  expect(heard).toEqual(["a", "b", "c", "d"]);
});

test("from the block that the caller remembers", async () => {
  const { heard } = await follow(["a", "b", "c"], [], { fromBlock: 2n });
  expect(heard).toEqual(["c"]);
});

test("an RPC that fails is asked again, and nothing is left out", async () => {
  const { heard, errors } = await follow(
    ["a"],
    [
      (state) => {
        state.failures = 2;
        state.blocks.push("b");
      },
    ],
  );
  expect(heard).toEqual(["a", "b"]);
  expect(errors).toHaveLength(2);
});

test("a log whose handler throws comes again", async () => {
  let thrown = false;
  const { heard } = await follow(["a", "b"], [], {
    onLog: (data) => {
      if (data === "b" && !thrown) {
        thrown = true;
        throw new Error("not now");
      }
    },
  });
  expect(heard).toEqual(["a", "a", "b"]);
});

test("blocks that the chain took back are read as they are now", async () => {
  const { heard } = await follow(
    ["a", "b", "c"],
    [
      (state) => {
        state.blocks = ["a", "B", "C", "D"];
      },
    ],
  );
  expect(heard).toEqual(["a", "b", "c", "a", "B", "C", "D"]);
});

test("a block that was taken back long ago leaves no gap", async () => {
  const grown = Array.from({ length: 200 }, (_, i) => (i < 2 ? (["a", "b"][i] ?? "") : `n${i}`));
  const { heard } = await follow(
    ["a", "b", "old"],
    [
      (state) => {
        state.blocks = grown;
      },
    ],
  );
  expect(heard).toEqual(["a", "b", "old", ...grown]);
});

test("a chain that is shorter than before is read again, and followed from there", async () => {
  const { heard } = await follow(
    ["a", "b", "c"],
    [
      (state) => {
        state.blocks = ["a", "X"];
      },
      ({ blocks }) => blocks.push("Y"),
    ],
  );
  expect(heard).toEqual(["a", "b", "c", "a", "X", "Y"]);
});
