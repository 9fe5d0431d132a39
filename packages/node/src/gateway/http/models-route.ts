/** `GET /v1/models` and `/v1/models/{id}`: what can be asked here, at which price, and the root to pin. */

import { bytesToHex } from "@assay/wire";
import type { Context } from "hono";
import type { HostedModel } from "../text-service.ts";
import type { RouteContext } from "./route.ts";

export async function modelsRoute(context: Context, route: RouteContext): Promise<Response> {
  const data = await Promise.all(route.text.models().map((model) => describe(route, model)));
  return context.json({ object: "list", data });
}

export async function modelRoute(context: Context, route: RouteContext): Promise<Response> {
  const model = await route.text.resolve(context.req.param("id") ?? "");
  return context.json(await describe(route, model));
}

const SUPPORTED = [
  "max_tokens",
  "temperature",
  "top_p",
  "seed",
  "stop",
  "n",
  "logprobs",
  "top_logprobs",
];

async function describe(route: RouteContext, model: HostedModel): Promise<object> {
  const { context, vocab } = model.program;
  const price = route.priceOf(model.root);
  return {
    id: await route.text.nameOf(model),
    object: "model",
    created: 0,
    owned_by: "assay",
    program_root: `0x${bytesToHex(model.root)}`,
    context_length: context,
    max_output_length: context,
    vocabulary: vocab,
    quantization: "int8",
    supported_sampling_parameters: SUPPORTED,
    supported_features: ["receipts"],
    /** The least that a worker asks now, in base units of the network's token a model token. */
    pricing:
      price === undefined
        ? null
        : { prompt: price.promptPrice.toString(), completion: price.outputPrice.toString() },
  };
}
