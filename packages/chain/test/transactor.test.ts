/** What becomes of a transaction that no block has: waited for while the node knows it, forgotten when it does not. */

import { sha256 } from "@assay/wire";
import {
  type Hex,
  type PublicClient,
  TransactionNotFoundError,
  type TransactionReceipt,
  WaitForTransactionReceiptTimeoutError,
} from "viem";
import { expect, test } from "vitest";
import { createTransactor } from "../src/transactor.ts";

const KEY = sha256(new TextEncoder().encode("transactor"));
const HASH: Hex = `0x${"ab".repeat(32)}`;
const CALL = {
  address: `0x${"11".repeat(20)}` as const,
  abi: [{ type: "function", name: "poke", inputs: [], outputs: [], stateMutability: "nonpayable" }],
  functionName: "poke",
  args: [],
} as const;
const INCLUDED = {
  status: "success",
  transactionHash: HASH,
  blockNumber: 1n,
} as TransactionReceipt;
const timeout = () => new WaitForTransactionReceiptTimeoutError({ hash: HASH });

/** A node whose answers to "is it in a block?" are given, the last one for ever. */
function node(answers: readonly (TransactionReceipt | Error)[], isKnown: () => boolean) {
  const asked = { nonces: 0, sent: 0, waits: [] as unknown[] };
  const client = {
    estimateContractGas: async () => 50_000n,
    estimateFeesPerGas: async () => ({ maxFeePerGas: 2n, maxPriorityFeePerGas: 1n }),
    getChainId: async () => 31_337,
    getTransactionCount: async () => {
      asked.nonces += 1;
      return 7;
    },
    sendRawTransaction: async () => {
      asked.sent += 1;
      return HASH;
    },
    waitForTransactionReceipt: async (wait: unknown) => {
      const answer = answers[Math.min(asked.waits.length, answers.length - 1)];
      asked.waits.push(wait);
      if (answer instanceof Error) throw answer;
      return answer;
    },
    getTransaction: async () => {
      if (!isKnown()) throw new TransactionNotFoundError({ hash: HASH });
      return {};
    },
  } as unknown as PublicClient;
  return { asked, transactor: createTransactor(client, KEY) };
}

test("one that is pending for long is waited for, and not sent again", async () => {
  const { asked, transactor } = node([timeout(), timeout(), INCLUDED], () => true);
  expect(await transactor.executeAll([CALL])).toEqual([INCLUDED]);
  expect(asked.sent).toBe(1);
});

test("one that the node has lost is said so, and its nonce is asked for anew", async () => {
  const { asked, transactor } = node([timeout()], () => false);
  for (let i = 0; i < 2; i++) {
    await expect(transactor.executeAll([CALL])).rejects.toMatchObject({
      detail: { code: "CHAIN_NOT_INCLUDED", action: "poke", hash: HASH },
    });
  }
  expect(asked).toMatchObject({ sent: 2, nonces: 2 });
});

test("the receipt of another transaction with its nonce is not taken for its own", async () => {
  const { asked, transactor } = node([INCLUDED], () => true);
  await transactor.executeAll([CALL]);
  expect(asked.waits).toEqual([expect.objectContaining({ hash: HASH, checkReplacement: false })]);
});

test("an RPC that fails says what it says, and the nonce goes on", async () => {
  const { asked, transactor } = node([new Error("502"), INCLUDED], () => true);
  await expect(transactor.executeAll([CALL])).rejects.toThrow("502");
  await transactor.executeAll([CALL]);
  expect(asked).toMatchObject({ sent: 2, nonces: 1 });
});

test("one that reverts where it is included is refused by the contract, not lost", async () => {
  const reverted = { ...INCLUDED, status: "reverted" } as TransactionReceipt;
  const { transactor } = node([reverted], () => true);
  await expect(transactor.executeAll([CALL])).rejects.toMatchObject({
    detail: { code: "CHAIN_REVERTED", action: "poke" },
  });
});
