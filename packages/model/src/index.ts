/**
 * Model: formats, tokenizer, quantiser, the integer program, `checkProgram` and the reference interpreter.
 *
 * The reference interpreter is the plain statement of the integer semantics.
 * Does not own: fast execution, batching and caches (engine), or evidence about a run (verifier).
 *
 * @module
 */

export {};
