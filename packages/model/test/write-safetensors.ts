/** A safetensors file of these tensors, in order, with whatever type and shape the caller claims. */
export function writeSafetensors(
  tensors: Readonly<
    Record<string, { readonly dtype: string; readonly shape: number[]; readonly data: Uint8Array }>
  >,
): Uint8Array {
  let at = 0;
  const header: Record<string, object> = { __metadata__: { format: "pt" } };
  for (const [name, { dtype, shape, data }] of Object.entries(tensors)) {
    header[name] = { dtype, shape, data_offsets: [at, at + data.length] };
    at += data.length;
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(text.length), true);
  return Buffer.concat([length, text, ...Object.values(tensors).map(({ data }) => data)]);
}
