/** The court's events in the protocol's values (spec/04 §4.7). */

import { decodeEventLog, type Hex } from "viem";
import { type FollowOptions, followLogs } from "./follow.ts";
import { contracts } from "./generated/contracts.ts";
import { fromHex } from "./hex.ts";
import { type ChainReader, pollMsOf } from "./reader.ts";

export type CourtEvent =
  | {
      readonly kind: "challenged";
      readonly caseId: bigint;
      readonly receiptHash: Uint8Array;
      readonly orderHash: Uint8Array;
      readonly worker: Uint8Array;
      readonly client: Uint8Array;
      readonly challenger: Uint8Array;
      readonly tx: Hex;
    }
  | {
      readonly kind: "drawn";
      readonly caseId: bigint;
      readonly juror: Uint8Array;
      readonly deadline: bigint;
      readonly tx: Hex;
    }
  | {
      readonly kind: "anchored";
      readonly caseId: bigint;
      readonly anchor: bigint;
      readonly tx: Hex;
    }
  | {
      readonly kind: "ruled";
      readonly caseId: bigint;
      readonly juror: Uint8Array;
      readonly fraud: boolean;
      readonly tx: Hex;
    }
  | { readonly kind: "dismissed"; readonly caseId: bigint; readonly tx: Hex }
  /** Of the stake contract: what a proven fraud cost, in base units. */
  | {
      readonly kind: "slashed";
      readonly party: Uint8Array;
      readonly amount: bigint;
      readonly toChallenger: bigint;
      readonly toJuror: bigint;
      readonly burned: bigint;
      readonly tx: Hex;
    };

export interface FollowCourtOptions extends Omit<FollowOptions, "addresses" | "onLog"> {
  readonly onEvent: (event: CourtEvent) => Promise<void> | void;
}

/** Follows the court's events from `fromBlock` until the signal aborts. */
export async function followCourt(chain: ChainReader, options: FollowCourtOptions): Promise<void> {
  const { onEvent, ...follow } = options;
  await followLogs(chain.rpc, {
    pollMs: 4 * pollMsOf(chain.network),
    ...follow,
    addresses: [chain.network.contracts.court, chain.network.contracts.stake],
    onLog: async (log) => {
      const event = courtEventOf(log);
      if (event !== undefined) await onEvent(event);
    },
  });
}

const EVENTS = [...contracts.JuryCourt.abi, ...contracts.Stake.abi] as const;

/** Undefined for a log that is none of the court's events that matter here. */
function courtEventOf(log: {
  readonly topics: [] | [Hex, ...Hex[]];
  readonly data: Hex;
  readonly transactionHash: Hex;
}): CourtEvent | undefined {
  const tx = log.transactionHash;
  const event = decodeEventLog({
    abi: EVENTS,
    topics: log.topics,
    data: log.data,
  });
  switch (event.eventName) {
    case "Challenged":
      return {
        kind: "challenged",
        caseId: event.args.caseId,
        receiptHash: fromHex(event.args.receiptHash),
        orderHash: fromHex(event.args.orderHash),
        worker: fromHex(event.args.worker),
        client: fromHex(event.args.client),
        challenger: fromHex(event.args.challenger),
        tx,
      };
    case "JurorDrawn":
      return {
        kind: "drawn",
        caseId: event.args.caseId,
        juror: fromHex(event.args.juror),
        deadline: event.args.deadline,
        tx,
      };
    case "DrawAnchored":
      return { kind: "anchored", caseId: event.args.caseId, anchor: event.args.anchor, tx };
    case "Ruled":
      return {
        kind: "ruled",
        caseId: event.args.caseId,
        juror: fromHex(event.args.juror),
        fraud: event.args.fraud,
        tx,
      };
    case "ChallengeDismissed":
      return { kind: "dismissed", caseId: event.args.caseId, tx };
    case "Slashed":
      return {
        kind: "slashed",
        party: fromHex(event.args.party),
        amount: event.args.amount,
        toChallenger: event.args.toChallenger,
        toJuror: event.args.toJuror,
        burned: event.args.burned,
        tx,
      };
    default:
      return undefined;
  }
}
