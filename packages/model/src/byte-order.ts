/** Files and hashes are little-endian; this machine need not be. */

const LITTLE_ENDIAN: boolean = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** A copy with elements of `size` bytes turned from little-endian to this machine's order, or back: the same for both. */
export function inMachineOrder(bytes: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(bytes);
  if (LITTLE_ENDIAN) return copy;
  for (let at = 0; at < copy.length; at += size) copy.subarray(at, at + size).reverse();
  return copy;
}
