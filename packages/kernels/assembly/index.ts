/** The kernels of spec/01 and spec/02: raw pointers into one imported memory, integers only, nothing allocated. */

export { append, pnorm, pv, qk, softmax } from "./attention";
export { argmax, sample } from "./choose";
export { add, mul, mul16, narrow, rowscale, table, widen } from "./elementwise";
export { keccak256, merkle } from "./keccak256";
export { matmul } from "./matmul";
export { embed, requant16, requant24 } from "./requant";
export { rmsnorm } from "./rmsnorm";
export { rope } from "./rope";
export { sha256x4 } from "./sha256";
export { traceLeaves, tracePositions } from "./trace";
