/** `tokenizer_config.json` → the chat template as an asset of a program. */

import { TokenizerConfigError } from "./tokenizer-config-error.ts";

type Fields = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Tokens that a template may name; a program has no such names, so the template gets their text. */
const NAMED_TOKENS = ["bos_token", "eos_token"] as const;

function contentOf(token: unknown): string | undefined {
  const content = isObject(token) ? token["content"] : token;
  return typeof content === "string" ? content : undefined;
}

/**
 * The template of the folder, self-contained: a `bos_token` or `eos_token` that it names is defined at its start.
 *
 * @throws {TokenizerConfigError}
 */
export function readChatTemplate(json: string): string {
  let config: unknown;
  try {
    config = JSON.parse(json);
  } catch (cause) {
    throw new TokenizerConfigError({ code: "TOKENIZER_CONFIG_JSON" }, { cause });
  }
  if (!isObject(config)) throw new TokenizerConfigError({ code: "TOKENIZER_CONFIG_JSON" });
  const template = config["chat_template"];
  if (typeof template !== "string") {
    throw new TokenizerConfigError({ code: "TOKENIZER_CONFIG_TEMPLATE" });
  }
  const definitions = NAMED_TOKENS.filter((name) => template.includes(name)).map((name) => {
    const content = contentOf(config[name]);
    if (content === undefined || /["\\{}]/u.test(content)) {
      throw new TokenizerConfigError({ code: "TOKENIZER_CONFIG_TOKEN", name });
    }
    return `{%- set ${name} = "${content}" -%}`;
  });
  return definitions.join("") + template;
}
