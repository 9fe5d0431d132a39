/**
 * Sends one account's transactions in order: one at a time gets its nonce, none waits for the one before.
 */

import { addressOf, keccak256, signDigest } from "@assay/wire";
import {
  type Abi,
  BaseError,
  ContractFunctionRevertedError,
  encodeFunctionData,
  type Hex,
  type PublicClient,
  serializeTransaction,
  TransactionNotFoundError,
  type TransactionReceipt,
  type TransactionSerializableEIP1559,
  WaitForTransactionReceiptTimeoutError,
} from "viem";
import { ChainError } from "./chain-error.ts";
import { fromHex, toHex } from "./hex.ts";
import type { Address } from "./network-file.ts";

/** EIP-7825: the most gas one transaction may use. */
const TRANSACTION_GAS_LIMIT = 16_777_216n;
/** Head room over the estimate: state may move between estimate and inclusion. */
const GAS_MARGIN_PERCENT = 130n;
/** How often the node is asked whether it still knows what no block has: one that starts anew has lost it, and its nonce with it. */
const LOOK_AGAIN_MS = 30_000;

export interface Call {
  readonly address: Address;
  readonly abi: Abi;
  readonly functionName: string;
  readonly args: readonly unknown[];
}

export interface Transactor {
  readonly address: Address;
  /**
   * Simulates, signs and sends; resolves with the hash once the RPC took it.
   * @throws {ChainError} `CHAIN_REVERTED` with the contract's own error when the simulation fails.
   */
  send(call: Call): Promise<Hex>;
  /**
   * Sends the calls in order, each simulated on top of the pending ones before it, then waits for all.
   * @throws {ChainError} `CHAIN_REVERTED` also when one reverts where it is included, `CHAIN_NOT_INCLUDED` when one is not
   */
  executeAll(calls: readonly Call[]): Promise<readonly TransactionReceipt[]>;
  /** Sends raw creation code or value, without simulation. */
  sendRaw(request: RawTransaction): Promise<Hex>;
}

interface RawTransaction {
  readonly to?: Address;
  readonly data?: Hex;
  readonly value?: bigint;
  readonly gas: bigint;
}

export function createTransactor(client: PublicClient, privateKey: Uint8Array): Transactor {
  const account = toHex(addressOf(privateKey));
  const nonces = createNonces(() =>
    client.getTransactionCount({ address: account, blockTag: "pending" }),
  );

  async function sendRaw(request: RawTransaction): Promise<Hex> {
    const chainId = client.chain?.id ?? (await client.getChainId());
    const fees = await client.estimateFeesPerGas();
    return nonces.use(async (nonce) => {
      const serializedTransaction = signTransaction(privateKey, {
        type: "eip1559",
        chainId,
        nonce,
        gas: request.gas,
        maxFeePerGas: fees.maxFeePerGas,
        maxPriorityFeePerGas: fees.maxPriorityFeePerGas,
        ...(request.to === undefined ? {} : { to: request.to }),
        ...(request.data === undefined ? {} : { data: request.data }),
        ...(request.value === undefined ? {} : { value: request.value }),
      });
      return client.sendRawTransaction({ serializedTransaction });
    });
  }

  async function send(call: Call): Promise<Hex> {
    const data = encodeFunctionData(call);
    const gas = await client
      .estimateContractGas({ ...call, account, blockTag: "pending" })
      .catch((error: unknown) => rejectReverted(call, error));
    const padded = (gas * GAS_MARGIN_PERCENT) / 100n;
    return sendRaw({
      to: call.address,
      data,
      gas: padded > TRANSACTION_GAS_LIMIT ? TRANSACTION_GAS_LIMIT : padded,
    });
  }

  return {
    address: account,
    send,
    sendRaw,
    async executeAll(calls) {
      const sent: { readonly call: Call; readonly hash: Hex }[] = [];
      for (const call of calls) sent.push({ call, hash: await send(call) });
      try {
        return await Promise.all(sent.map(({ call, hash }) => included(client, call, hash)));
      } catch (error) {
        if (error instanceof ChainError && error.detail.code === "CHAIN_NOT_INCLUDED") {
          nonces.forget();
        }
        throw error;
      }
    },
  };
}

/**
 * Waits for as long as the node knows the transaction: to send it again while it is pending would do it twice. Another one in
 * its place, of the same nonce, is not it.
 */
async function included(client: PublicClient, call: Call, hash: Hex): Promise<TransactionReceipt> {
  let receipt: TransactionReceipt | undefined;
  while (receipt === undefined) {
    receipt = await client
      .waitForTransactionReceipt({ hash, timeout: LOOK_AGAIN_MS, checkReplacement: false })
      .catch((error: unknown) => {
        if (error instanceof WaitForTransactionReceiptTimeoutError) return undefined;
        throw error;
      });
    if (receipt === undefined && !(await isKnown(client, hash))) {
      throw new ChainError({ code: "CHAIN_NOT_INCLUDED", action: call.functionName, hash });
    }
  }
  if (receipt.status === "success") return receipt;
  throw new ChainError({
    code: "CHAIN_REVERTED",
    action: call.functionName,
    reason: `transaction ${hash} reverted when it was included`,
  });
}

/** Also where the node does not answer: nobody knows then. */
const isKnown = (client: PublicClient, hash: Hex): Promise<boolean> =>
  client.getTransaction({ hash }).then(
    () => true,
    (error: unknown) => !(error instanceof TransactionNotFoundError),
  );

/** Signed here: viem's accounts bring a second copy of the curve, with tables of its own to compute. */
function signTransaction(privateKey: Uint8Array, transaction: TransactionSerializableEIP1559): Hex {
  const digest = keccak256(fromHex(serializeTransaction(transaction)));
  const signature = signDigest(privateKey, digest);
  return serializeTransaction(transaction, {
    r: toHex(signature.subarray(0, 32)),
    s: toHex(signature.subarray(32, 64)),
    yParity: (signature[64] ?? 0) - 27,
  });
}

/** Turns viem's revert into ours, keeping the contract's error name and arguments; rethrows the rest. */
function rejectReverted(call: Call, error: unknown): never {
  if (error instanceof BaseError) {
    const reverted = error.walk((cause) => cause instanceof ContractFunctionRevertedError);
    if (reverted instanceof ContractFunctionRevertedError) {
      const args = (reverted.data?.args ?? []).map(String).join(", ");
      const name = reverted.data?.errorName ?? reverted.reason ?? reverted.shortMessage;
      throw new ChainError(
        { code: "CHAIN_REVERTED", action: call.functionName, reason: `${name}(${args})` },
        { cause: error },
      );
    }
  }
  throw error;
}

interface Nonces {
  /** Runs `task` with the next nonce, after the one before was taken by the RPC or given back. */
  use<T>(task: (nonce: number) => Promise<T>): Promise<T>;
  /** What was sent may be lost: asks the chain next time. */
  forget(): void;
}

function createNonces(fetchNext: () => Promise<number>): Nonces {
  let next: number | undefined;
  let tail: Promise<unknown> = Promise.resolve();
  return {
    forget() {
      next = undefined;
    },
    use(task) {
      const run = tail.then(async () => {
        const nonce = next ?? (await fetchNext());
        try {
          const result = await task(nonce);
          next = nonce + 1;
          return result;
        } catch (error) {
          // Whether the RPC took it is unknown: ask the chain next time.
          next = undefined;
          throw error;
        }
      });
      tail = run.catch(() => undefined);
      return run;
    },
  };
}
