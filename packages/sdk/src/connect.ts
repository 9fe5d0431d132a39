/** A connection to one network: asks its gateway, checks with its registry and its chain. */

import {
  type ChainReader,
  type CourtEvent,
  findPayment,
  followCourt,
  type NetworkFile,
  openChain,
  type Payment,
  pollMsOf,
} from "@assay/chain";
import { bytesToHex, equalBytes, receiptHash } from "@assay/wire";
import { type Answer, ask, type Question } from "./ask.ts";
import { type ClientModel, openModel } from "./model.ts";
import { SdkError } from "./sdk-error.ts";

export interface ConnectOptions {
  readonly network: NetworkFile;
  /** Base URL of the gateway; the network file's when absent. */
  readonly gateway?: string;
  /** Where the gateway asks for one. */
  readonly apiKey?: string;
  /** Brings the program with this root, from anywhere: its root is computed here. */
  readonly loadProgram: (root: Uint8Array) => Promise<Uint8Array>;
}

export interface Connection {
  readonly chain: ChainReader;
  /** The model under a name: the root from the registry, the program checked against it. */
  model(name: string): Promise<ClientModel>;
  ask(question: Question): Promise<Answer>;
  /** Waits until the worker of this answer has its pay. */
  paid(answer: Answer, options: PaidOptions): Promise<Payment>;
  /** Follows challenges, rulings and slashings until the signal aborts. */
  watchCourt(options: WatchOptions): Promise<void>;
}

export interface WatchOptions {
  readonly fromBlock: bigint;
  readonly onEvent: (event: CourtEvent) => void;
  readonly signal: AbortSignal;
}

export interface PaidOptions {
  /** The first block to look in. */
  readonly fromBlock: bigint;
  readonly signal: AbortSignal;
}

export async function connect(options: ConnectOptions): Promise<Connection> {
  const { network, loadProgram, apiKey } = options;
  const url = options.gateway ?? network.gateway;
  if (url === undefined) throw new SdkError({ code: "SDK_UNREACHABLE", url: "no gateway" });
  const gateway = { url, ...(apiKey === undefined ? {} : { apiKey }) };
  const chain = await openChain(network);
  const models = new Map<string, Promise<ClientModel>>();

  async function open(name: string): Promise<ClientModel> {
    const root = await chain.programOf(name);
    if (root === undefined) throw new SdkError({ code: "SDK_MODEL_UNKNOWN", model: name });
    const model = openModel(await loadProgram(root));
    if (!equalBytes(model.root, root)) {
      throw new SdkError({
        code: "SDK_PROGRAM_WRONG",
        expected: bytesToHex(root),
        actual: bytesToHex(model.root),
      });
    }
    return model;
  }
  function model(name: string): Promise<ClientModel> {
    const known = models.get(name);
    if (known !== undefined) return known;
    const opening = open(name);
    models.set(name, opening);
    // What failed once may work the next time: the chain was away, a file was not there.
    opening.catch(() => models.delete(name));
    return opening;
  }

  return {
    chain,
    model,
    async ask(question) {
      const opened = await model(question.model);
      return ask(gateway, opened, question, {
        pinnedRoot: opened.root,
        expected: { chainId: chain.domain.chainId, settlement: chain.domain.settlement },
      });
    },
    watchCourt: (watch) => followCourt(chain, watch),
    async paid(answer, { fromBlock, signal }) {
      const file = answer.verdict.file;
      if (file === null) throw new SdkError({ code: "SDK_NO_RECEIPT" });
      const hash = receiptHash(file.receipt);
      for (;;) {
        signal.throwIfAborted();
        const payment = await findPayment(chain, file.order, hash, fromBlock);
        if (payment !== undefined) return payment;
        await new Promise((resolve) => setTimeout(resolve, pollMsOf(network)));
      }
    },
  };
}
