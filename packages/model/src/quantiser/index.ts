/** The quantiser: a Llama in floating point → its integer program, and how much that costs. */

// biome-ignore lint/performance/noBarrelFile: the entry point of the subpath export
export {
  createFloatSession,
  type FloatSession,
  type LlamaGeometry,
  type LlamaLayer,
  type LlamaModel,
  type Observer,
} from "../float-llama.ts";
export { type LogitRows, measureQuality, type Quality } from "./quality.ts";
export { type QuantiserOptions, quantiseLlama } from "./quantise.ts";
export { QuantiserError, type QuantiserErrorDetail } from "./quantiser-error.ts";
