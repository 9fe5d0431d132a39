/**
 * SDK: the client library, in Node and in browsers.
 *
 * A network in this process is injected, not imported.
 * Does not own: verification itself (verifier), or any service (node).
 *
 * @module
 */

export {};
