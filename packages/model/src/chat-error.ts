import { CodedError } from "@assay/wire";
import type { AssetKind } from "./program.ts";

/** One member per way in which a dialogue has no prompt (spec/06 §6.3). */
export type ChatErrorDetail =
  | { readonly code: "CHAT_ASSET"; readonly kind: AssetKind }
  | { readonly code: "CHAT_ROLE"; readonly role: string }
  | { readonly code: "CHAT_RESERVED" }
  | { readonly code: "CHAT_CUT" }
  | { readonly code: "CHAT_REFUSED"; readonly reason: string }
  | { readonly code: "CHAT_TEMPLATE"; readonly reason: string };

/** Thrown where a template is rendered. */
export class ChatError extends CodedError<ChatErrorDetail> {
  constructor(detail: ChatErrorDetail, options?: ErrorOptions) {
    super(detail, describe(detail), options);
  }
}

function describe(detail: ChatErrorDetail): string {
  switch (detail.code) {
    case "CHAT_ASSET":
      return `the program has no asset of kind "${detail.kind}", so it takes tokens only`;
    case "CHAT_ROLE":
      return `a message has the role "${detail.role}"; there are system, user, assistant and tool`;
    case "CHAT_RESERVED":
      return "the template contains U+FDD0 or U+FDD1, which stand for messages' contents";
    case "CHAT_CUT":
      return "the template takes a message's content apart; it can only print it whole";
    case "CHAT_REFUSED":
      return `the template refuses these messages: ${detail.reason}`;
    case "CHAT_TEMPLATE":
      return `the template cannot be rendered: ${detail.reason}`;
  }
}
