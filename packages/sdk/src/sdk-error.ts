import { CodedError } from "@assay/wire";

export type SdkErrorDetail =
  | { readonly code: "SDK_UNREACHABLE"; readonly url: string }
  | { readonly code: "SDK_GATEWAY"; readonly status: number; readonly reason: string }
  | { readonly code: "SDK_MODEL_UNKNOWN"; readonly model: string }
  | { readonly code: "SDK_PROGRAM_WRONG"; readonly expected: string; readonly actual: string }
  | { readonly code: "SDK_NO_RECEIPT" }
  | { readonly code: "SDK_CUT_OFF"; readonly url: string }
  | { readonly code: "SDK_REQUEST"; readonly reason: string }
  | { readonly code: "SDK_NOT_VERIFIED"; readonly choice: number; readonly reason: string };

/** What keeps an answer from being asked for or judged. That a receipt does not hold is no error: it is a verdict. */
export class SdkError extends CodedError<SdkErrorDetail> {
  constructor(detail: SdkErrorDetail, options?: ErrorOptions) {
    super(detail, describe(detail), options);
  }
}

function describe(detail: SdkErrorDetail): string {
  switch (detail.code) {
    case "SDK_UNREACHABLE":
      return `nothing answers at ${detail.url}; is the network up? ("assay up" starts one)`;
    case "SDK_GATEWAY":
      return `the gateway refused (${detail.status}): ${detail.reason}`;
    case "SDK_MODEL_UNKNOWN":
      return `no model is registered under the name "${detail.model}"`;
    case "SDK_PROGRAM_WRONG":
      return `the program here has the root ${detail.actual}, the registry says ${detail.expected}`;
    case "SDK_NO_RECEIPT":
      return "the gateway ended the answer without a receipt: there is nothing to verify";
    case "SDK_CUT_OFF":
      return `the connection to ${detail.url} was lost before the receipt came: what was shown is not verified, ask again`;
    case "SDK_REQUEST":
      return `this request cannot be checked, so it was not sent: ${detail.reason}`;
    case "SDK_NOT_VERIFIED":
      return `choice ${detail.choice} is not verified: ${detail.reason}`;
  }
}
