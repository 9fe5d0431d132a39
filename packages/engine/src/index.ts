/**
 * Engine: sessions, batching, the key-value cache, sampling and execution traces.
 *
 * Bit for bit equal to the reference interpreter, for every batch size and split into passes.
 * Does not own: the integer semantics (model), the arithmetic (kernels), or scheduling across machines (node).
 *
 * @module
 */

// biome-ignore lint/performance/noBarrelFile: the package's one entry point
export { createEngine, type Engine, type EngineOptions, type Session } from "./engine.ts";
export { EngineError, type EngineErrorDetail } from "./engine-error.ts";
export { type Answer, type GenerateOptions, generate } from "./generate.ts";
export { type Hashing, hashing } from "./hashing.ts";
export { type Replay, type ReplayOptions, replay } from "./replay.ts";
