/**
 * Random programs, tokens and sampling parameters for tests that hold implementations against each other.
 *
 * @module
 */

// biome-ignore lint/performance/noBarrelFile: the entry point @assay/model/conformance
export { Random } from "./random.ts";
export { randomProgram, randomSampling, randomSeed, randomTokens } from "./random-program.ts";
