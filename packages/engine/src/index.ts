/**
 * Engine: sessions, batching, the key-value cache, sampling and execution traces.
 *
 * Bit for bit equal to the reference interpreter, for every batch size and thread count.
 * Does not own: the integer semantics (model), the arithmetic (kernels), or scheduling across machines (node).
 *
 * @module
 */

export {};
