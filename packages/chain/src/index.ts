/**
 * Chain: contract bindings, events and the embedded development chain.
 *
 * The only package that speaks JSON-RPC.
 * Does not own: the contracts themselves (`contracts/`), what a receipt means (verifier), or roles (node).
 *
 * @module
 */

export {};
