/** Operators as calls of kernels: every address and attribute is fixed when the engine is made. */

import type { Operator, VariableId } from "@assay/model";
import { compileAttention } from "./attention-steps.ts";
import { type Definition, writtenForms } from "./program-layout.ts";
import { compileRow } from "./row-steps.ts";
import type { Step, StepContext } from "./step-context.ts";

/** The steps of a run of operators. `nextCache` is the number of the first append among them. */
export function compileSteps(
  context: StepContext,
  definitions: readonly Definition[],
  nextCache: number,
): readonly Step[] {
  let cache = nextCache;
  return definitions.flatMap(({ operator, outputs }) => {
    const step =
      operator.op === "append"
        ? compileAppend(context, operator.x, cache++)
        : compileOperator(context, operator, outputs);
    const written = writtenForms(operator);
    const conversions = outputs.flatMap((variable, i) => {
      if (written[i] === "row16" && context.segment.has(variable, "row32")) {
        return [compileWiden(context, variable)];
      }
      if (written[i] === "row32" && context.segment.has(variable, "row16")) {
        return [compileNarrow(context, variable)];
      }
      return [];
    });
    return [step, ...conversions];
  });
}

function compileWiden({ kernels, segment }: StepContext, variable: VariableId): Step {
  const [to, toStride] = [segment.at(variable, "row32"), segment.stride(variable, "row32")];
  const [from, fromStride] = [segment.at(variable, "row16"), segment.stride(variable, "row16")];
  const n = segment.width(variable);
  return (rows) => kernels.widen(to, toStride, from, fromStride, rows, n);
}

export function compileNarrow({ kernels, segment }: StepContext, variable: VariableId): Step {
  const [to, toStride] = [segment.at(variable, "row16"), segment.stride(variable, "row16")];
  const [from, fromStride] = [segment.at(variable, "row32"), segment.stride(variable, "row32")];
  const n = segment.width(variable);
  return (rows) => kernels.narrow(to, toStride, from, fromStride, rows, n);
}

function compileAppend(c: StepContext, x: VariableId, cache: number): Step {
  const layout = c.caches[cache];
  if (layout === undefined) throw new RangeError(`there is no cache ${cache}`);
  const { width, offset, stride } = layout;
  const { positions, cachePages } = c.batch;
  const [from, fromStride] = [c.segment.at(x, "row16"), c.segment.stride(x, "row16")];
  return (rows) =>
    c.kernels.append(from, fromStride, positions, cachePages, rows, 2 * width, offset, stride);
}

function compileOperator(
  context: StepContext,
  operator: Exclude<Operator, { op: "append" }>,
  [y = 0, second = 0]: readonly VariableId[],
): Step {
  switch (operator.op) {
    case "rope":
    case "qk":
    case "softmax":
    case "pv":
    case "pnorm":
      return compileAttention(context, operator, y, second);
    default:
      return compileRow(context, operator, y, second);
  }
}
