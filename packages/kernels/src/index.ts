/**
 * Kernels: the integer kernels in AssemblyScript, their plain TypeScript twins, and the WASM interface.
 *
 * Every kernel has a twin that computes the same integers; one suite runs against both.
 * Does not own: which kernel a layer calls (model, engine), or the format of weights.
 *
 * @module
 */

export {};
