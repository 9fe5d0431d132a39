/**
 * Node: the worker, verifier and gateway services; scheduling, store and networking.
 *
 * A process holds one or several of these roles.
 * Does not own: the rules it applies (verifier, engine, chain), or how a person starts it (cli).
 *
 * @module
 */

export {};
