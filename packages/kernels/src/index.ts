/**
 * Kernels: the integer kernels in AssemblyScript, their plain TypeScript twins, and the WASM interface.
 *
 * Every kernel has a twin that computes the same integers; one suite compares them.
 * Does not own: which kernel a layer calls (model, engine), or the format of weights.
 *
 * @module
 */

// biome-ignore lint/performance/noBarrelFile: the package's one entry point
export {
  BUFFER_SLACK,
  instantiateKernels,
  type KernelMemory,
  type Kernels,
  MEMORY_PAGE_BYTES,
  PAGE_POSITIONS,
  type Pointer,
  paddedWidth,
  RESERVED_BYTES,
  type Stride,
} from "./kernels.ts";
