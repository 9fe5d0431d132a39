import { type Operator, rowStride } from "@assay/model";
import { isMul16 } from "./program-layout.ts";
import { type Step, type StepContext, tensorOf } from "./step-context.ts";

type Named<Op extends Operator["op"]> = Extract<Operator, { readonly op: Op }>;

export type RowOperator = Named<
  "embed" | "add" | "mul" | "rowscale" | "rmsnorm" | "matmul" | "requant16" | "requant24" | "table"
>;

/** The step of an operator on rows that depends on no other position; `second` is rowscale's exponent. */
export function compileRow(
  context: StepContext,
  operator: RowOperator,
  y: number,
  second: number,
): Step {
  switch (operator.op) {
    case "embed":
      return compileEmbed(context, operator, y);
    case "add":
    case "mul":
      return compileBinary(context, operator, y);
    case "rowscale":
      return compileRowscale(context, operator, y, second);
    case "rmsnorm":
      return compileRmsnorm(context, operator, y);
    case "matmul":
      return compileMatmul(context, operator, y);
    case "requant16":
      return compileRequant16(context, operator, y);
    case "requant24":
      return compileRequant24(context, operator, y);
    case "table":
      return compileTable(context, operator, y);
  }
}

function compileEmbed(c: StepContext, { weight, multiplier, s }: Named<"embed">, y: number): Step {
  const [to, stride, n] = [
    c.segment.at(y, "row32"),
    c.segment.stride(y, "row32"),
    c.segment.width(y),
  ];
  const { tokens } = c.batch;
  const weights = tensorOf(c, weight).at;
  const m = tensorOf(c, multiplier).at;
  const weightStride = rowStride(n);
  return (rows) => c.kernels.embed(to, stride, tokens, rows, n, weights, weightStride, m, s);
}

function compileBinary(c: StepContext, operator: Named<"add" | "mul">, y: number): Step {
  const { a, b } = operator;
  const is16 = operator.op === "mul" && isMul16(operator, c.forms);
  const form = is16 ? "row16" : "row32";
  const stride = c.segment.stride(a, form);
  const [to, toStride] = [c.segment.at(y, "row32"), c.segment.stride(y, "row32")];
  const [x, z, n] = [c.segment.at(a, form), c.segment.at(b, form), c.segment.width(y)];
  if (operator.op === "add") {
    return (rows) => c.kernels.add(to, toStride, x, stride, z, stride, rows, n);
  }
  if (is16) return (rows) => c.kernels.mul16(to, toStride, x, stride, z, stride, rows, n);
  return (rows) => c.kernels.mul(to, toStride, x, stride, z, stride, rows, n);
}

function compileRowscale(
  c: StepContext,
  { x, bits }: Named<"rowscale">,
  y: number,
  exponent: number,
): Step {
  const [from, fromStride] = [c.segment.at(x, "row32"), c.segment.stride(x, "row32")];
  const [to, stride, n] = [
    c.segment.at(y, "row16"),
    c.segment.stride(y, "row16"),
    c.segment.width(y),
  ];
  const exponents = c.segment.at(exponent, "exponent");
  return (rows) => c.kernels.rowscale(to, stride, exponents, from, fromStride, rows, n, bits);
}

function compileRmsnorm(c: StepContext, operator: Named<"rmsnorm">, y: number): Step {
  const { x, exponent, multiplier, epsilon, s, t, bound } = operator;
  const [from, to, n] = [c.segment.at(x, "row16"), c.segment.at(y, "row16"), c.segment.width(y)];
  const stride = c.segment.stride(y, "row16");
  const exponents = c.segment.at(exponent, "exponent");
  const m = tensorOf(c, multiplier).at;
  const { rsqrt } = c.tables;
  return (rows) =>
    c.kernels.rmsnorm(to, stride, from, stride, exponents, rows, n, m, epsilon, s, t, bound, rsqrt);
}

function compileMatmul(c: StepContext, { x, weight, bias }: Named<"matmul">, y: number): Step {
  const [from, fromStride] = [c.segment.at(x, "row16"), c.segment.stride(x, "row16")];
  const [to, stride, n] = [
    c.segment.at(y, "row32"),
    c.segment.stride(y, "row32"),
    c.segment.width(y),
  ];
  const k = c.segment.width(x);
  const weightStride = rowStride(k);
  const weights = tensorOf(c, weight).at;
  const b = bias === null ? 0 : tensorOf(c, bias).at;
  return (rows) =>
    c.kernels.matmul(to, stride, from, fromStride, rows, weights, weightStride, n, k, b);
}

function compileRequant16(c: StepContext, operator: Named<"requant16">, y: number): Step {
  const { x, multiplier, s, t, bound } = operator;
  const [from, fromStride] = [c.segment.at(x, "row32"), c.segment.stride(x, "row32")];
  const [to, stride, n] = [
    c.segment.at(y, "row16"),
    c.segment.stride(y, "row16"),
    c.segment.width(y),
  ];
  const m = tensorOf(c, multiplier).at;
  return (rows) => c.kernels.requant16(to, stride, from, fromStride, rows, n, m, s, t, bound);
}

function compileRequant24(c: StepContext, operator: Named<"requant24">, y: number): Step {
  const { x, exponent, multiplier, s } = operator;
  const [from, fromStride] = [c.segment.at(x, "row32"), c.segment.stride(x, "row32")];
  const [to, stride, n] = [
    c.segment.at(y, "row32"),
    c.segment.stride(y, "row32"),
    c.segment.width(y),
  ];
  const m = tensorOf(c, multiplier).at;
  const exponents = exponent === null ? 0 : c.segment.at(exponent, "exponent");
  return (rows) => c.kernels.requant24(to, stride, from, fromStride, rows, n, m, s, exponents);
}

function compileTable(c: StepContext, { x }: Named<"table">, y: number): Step {
  const [from, to, n] = [c.segment.at(x, "row16"), c.segment.at(y, "row16"), c.segment.width(y)];
  const stride = c.segment.stride(y, "row16");
  const { silu } = c.tables;
  return (rows) => c.kernels.table(to, stride, from, stride, rows, n, silu);
}
