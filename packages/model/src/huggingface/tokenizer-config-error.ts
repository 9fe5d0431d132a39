import { CodedError } from "@assay/wire";

/** One member per way in which a folder has no usable chat template. */
export type TokenizerConfigErrorDetail =
  | { readonly code: "TOKENIZER_CONFIG_JSON" }
  | { readonly code: "TOKENIZER_CONFIG_TEMPLATE" }
  | { readonly code: "TOKENIZER_CONFIG_TOKEN"; readonly name: string };

/** Thrown where `tokenizer_config.json` is read. */
export class TokenizerConfigError extends CodedError<TokenizerConfigErrorDetail> {
  constructor(detail: TokenizerConfigErrorDetail, options?: ErrorOptions) {
    super(detail, describe(detail), options);
  }
}

function describe(detail: TokenizerConfigErrorDetail): string {
  switch (detail.code) {
    case "TOKENIZER_CONFIG_JSON":
      return "tokenizer_config.json is not a JSON object";
    case "TOKENIZER_CONFIG_TEMPLATE":
      return "tokenizer_config.json has no chat_template of one text";
    case "TOKENIZER_CONFIG_TOKEN":
      return `the chat template names ${detail.name}, which tokenizer_config.json does not give`;
  }
}
