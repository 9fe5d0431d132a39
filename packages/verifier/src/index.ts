/**
 * Verifier: `verify(receipt, evidence, policy, { execute, now })`, the one door to a verdict.
 *
 * Pure: no clock, no randomness, no I/O. The executor and the time are passed in.
 * Does not own: execution (engine, injected), fetching evidence (node, sdk), or settlement (chain).
 *
 * @module
 */

export {};
