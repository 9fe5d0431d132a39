/**
 * Limits of the protocol: what one message, file or order may cost the one who reads it.
 */

/** spec/03 §3.4: prompt and output tokens, each; also the largest context (spec/01). */
export const MAX_TOKENS = 16_384;

/** spec/03 §3.1: the integer nearest to 2^10 / temperature; 0 is greedy. */
export const MAX_INV_TEMPERATURE = 16_383;

/** spec/03 §3.1: topP in 1/65536; this keeps everything. */
export const TOP_P_ONE = 65_536;

/** spec/03 §3.1: the largest sequence of an order, so that it is an exact integer everywhere. */
export const MAX_SEQUENCE: bigint = 2n ** 53n - 1n;

/** spec/05 §5.2: the body of one frame. */
export const MAX_BODY_BYTES: number = 2 ** 20;

/** spec/05 §5.3: programs in one HELLO. */
export const MAX_HELLO_PROGRAMS = 64;

/** spec/05 §5.3: tokens in one TOKENS. */
export const MAX_TOKENS_PER_MESSAGE = 1024;

/**
 * spec/05 §5.5: tokens that a worker sends beyond what its client has acknowledged. What either side can lose by
 * the other's silence is this many tokens (and, for the worker, the prompt).
 */
export const MAX_UNDELIVERED = 32;

/** spec/05 §5.3: bytes of UTF-8 in a REFUSE or FAIL. */
export const MAX_TEXT_BYTES = 512;
