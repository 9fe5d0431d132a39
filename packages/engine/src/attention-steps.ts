import type { Operator } from "@assay/model";
import { queryForm } from "./program-layout.ts";
import { type Step, type StepContext, tensorOf } from "./step-context.ts";

type Named<Op extends Operator["op"]> = Extract<Operator, { readonly op: Op }>;

export type AttentionOperator = Named<"rope" | "qk" | "softmax" | "pv" | "pnorm">;

/** The step of an operator that depends on the position; `mass` is softmax's second output. */
export function compileAttention(
  context: StepContext,
  operator: AttentionOperator,
  y: number,
  mass: number,
): Step {
  switch (operator.op) {
    case "rope":
      return compileRope(context, operator, y);
    case "qk":
      return compileQk(context, operator, y);
    case "softmax":
      return compileSoftmax(context, operator, y, mass);
    case "pv":
      return compilePv(context, operator, y);
    case "pnorm":
      return compilePnorm(context, operator, y);
  }
}

function compileRope(c: StepContext, operator: Named<"rope">, y: number): Step {
  const { x, table, headDim, s, bound } = operator;
  const [from, to] = [c.segment.at(x, "row16"), c.segment.at(y, "row16")];
  const stride = c.segment.stride(y, "row16");
  const heads = c.segment.width(y) / headDim;
  const angles = tensorOf(c, table).at;
  const { positions } = c.batch;
  return (rows) =>
    c.kernels.rope(to, stride, from, stride, positions, rows, heads, headDim, angles, s, bound);
}

function cacheOf({ caches }: StepContext, cache: number, headDim: number) {
  const layout = caches[cache];
  if (layout === undefined) throw new RangeError(`there is no cache ${cache}`);
  return { ...layout, heads: layout.width / headDim };
}

function compileQk(c: StepContext, operator: Named<"qk">, y: number): Step {
  const { q, headDim, heads } = operator;
  const form = queryForm(operator, c.forms) === "row32" ? "row32" : "row16";
  const bytes = form === "row32" ? 4 : 2;
  const [from, fromStride, to] = [
    c.segment.at(q, form),
    c.segment.stride(q, form),
    c.segment.at(y, "ragged32"),
  ];
  const { positions, cachePages } = c.batch;
  const cache = cacheOf(c, operator.cache, headDim);
  return (rows, ragged) =>
    c.kernels.qk(
      to,
      4 * heads * ragged,
      4 * ragged,
      from,
      fromStride,
      bytes,
      positions,
      cachePages,
      rows,
      heads,
      cache.heads,
      headDim,
      cache.offset,
      cache.stride,
    );
}

function compileSoftmax(
  c: StepContext,
  { x, multiplier, s }: Named<"softmax">,
  y: number,
  mass: number,
): Step {
  const [from, to] = [c.segment.at(x, "ragged32"), c.segment.at(y, "ragged16")];
  const [masses, massStride] = [c.segment.at(mass, "mass"), c.segment.stride(mass, "mass")];
  const heads = c.segment.width(y);
  const m = tensorOf(c, multiplier).at;
  const { positions } = c.batch;
  const { exp, recip } = c.tables;
  return (rows, ragged) =>
    c.kernels.softmax(
      to,
      2 * heads * ragged,
      2 * ragged,
      masses,
      massStride,
      from,
      4 * heads * ragged,
      4 * ragged,
      positions,
      rows,
      heads,
      m,
      s,
      exp,
      recip,
      c.scratch,
    );
}

function compilePv(c: StepContext, operator: Named<"pv">, y: number): Step {
  const { p, headDim, heads } = operator;
  const [from, to] = [c.segment.at(p, "ragged16"), c.segment.at(y, "row32")];
  const stride = c.segment.stride(y, "row32");
  const { positions, cachePages } = c.batch;
  const cache = cacheOf(c, operator.cache, headDim);
  return (rows, ragged) =>
    c.kernels.pv(
      to,
      stride,
      from,
      2 * heads * ragged,
      2 * ragged,
      positions,
      cachePages,
      rows,
      heads,
      cache.heads,
      headDim,
      cache.offset,
      cache.stride,
    );
}

function compilePnorm(c: StepContext, operator: Named<"pnorm">, y: number): Step {
  const { x, mass, headDim, s, t, bound } = operator;
  const [from, fromStride] = [c.segment.at(x, "row32"), c.segment.stride(x, "row32")];
  const [to, stride] = [c.segment.at(y, "row16"), c.segment.stride(y, "row16")];
  const [masses, massStride] = [c.segment.at(mass, "mass"), c.segment.stride(mass, "mass")];
  const heads = c.segment.width(y) / headDim;
  const { recip } = c.tables;
  return (rows) =>
    c.kernels.pnorm(
      to,
      stride,
      from,
      fromStride,
      masses,
      massStride,
      rows,
      heads,
      headDim,
      s,
      t,
      bound,
      recip,
    );
}
