import { CodedError } from "@assay/wire";

/** One member per way in which a tokenizer file or its use breaks spec/06 §6.2. */
export type TokenizerErrorDetail =
  | { readonly code: "TOKENIZER_JSON" }
  | { readonly code: "TOKENIZER_UNSUPPORTED"; readonly field: string; readonly value: string }
  | { readonly code: "TOKENIZER_ENTRY"; readonly entry: string; readonly token: number }
  | { readonly code: "TOKENIZER_BYTE_MISSING"; readonly character: string }
  | { readonly code: "TOKENIZER_ID"; readonly entry: string }
  | { readonly code: "TOKENIZER_SURROGATE" }
  | { readonly code: "TOKENIZER_TOKEN"; readonly token: number };

/** Thrown by `createTokenizer` and by the tokenizer it returns. */
export class TokenizerError extends CodedError<TokenizerErrorDetail> {
  constructor(detail: TokenizerErrorDetail, options?: ErrorOptions) {
    super(detail, describe(detail), options);
  }
}

function describe(detail: TokenizerErrorDetail): string {
  switch (detail.code) {
    case "TOKENIZER_JSON":
      return "tokenizer.json is not a JSON object in UTF-8";
    case "TOKENIZER_UNSUPPORTED":
      return `tokenizer.json: "${detail.field}" is ${detail.value}; only byte-level BPE is supported`;
    case "TOKENIZER_ENTRY":
      return `vocabulary entry "${detail.entry}" (${detail.token}) is not made of byte characters`;
    case "TOKENIZER_BYTE_MISSING":
      return `the vocabulary lacks the byte character "${detail.character}": some text would have no tokens`;
    case "TOKENIZER_ID":
      return `entry "${detail.entry}" has no id of its own below 2^18`;
    case "TOKENIZER_SURROGATE":
      return "the text has a lone surrogate, so it is not Unicode text";
    case "TOKENIZER_TOKEN":
      return `there is no token ${detail.token}`;
  }
}
