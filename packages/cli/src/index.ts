/**
 * The `assay` command: verbs, flags, exit codes, and what a person sees.
 *
 * Results go to stdout, progress to stderr.
 * Does not own: anything that another program would want to call (node, sdk).
 *
 * @module
 */

export {};
