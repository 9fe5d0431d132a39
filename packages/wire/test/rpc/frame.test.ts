import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  bytesToHex,
  concatBytes,
  createFrameDecoder,
  encodeFrame,
  FormatError,
  FRAME_HEADER_BYTES,
  type Frame,
  MAX_BODY_BYTES,
} from "../../src/index.ts";

const LARGEST_FRAME = FRAME_HEADER_BYTES + MAX_BODY_BYTES;

const anyFrame: fc.Arbitrary<Frame> = fc.record({
  type: fc.nat({ max: 255 }),
  requestId: fc.nat({ max: 2 ** 32 - 1 }),
  body: fc.uint8Array({ maxLength: 200 }),
});

/** `bytes` cut at the given places, modulo what is left. */
function cutUp(bytes: Uint8Array, lengths: readonly number[]): Uint8Array[] {
  const parts: Uint8Array[] = [];
  let at = 0;
  for (const length of lengths) {
    parts.push(bytes.subarray(at, at + length));
    at += length;
  }
  return [...parts, bytes.subarray(at)];
}

describe("frames (spec/05 §5.2)", () => {
  test("lie as the table says", () => {
    const frame = encodeFrame({ type: 6, requestId: 0x01020304, body: Uint8Array.of(0xaa, 0xbb) });
    expect(bytesToHex(frame)).toBe("0200000006" + "04030201" + "aabb");
  });

  test("come out as they went in, however the stream is cut", () => {
    fc.assert(
      fc.property(
        fc.array(anyFrame, { maxLength: 8 }),
        fc.array(fc.nat({ max: 300 }), { maxLength: 30 }),
        (frames, lengths) => {
          const decoder = createFrameDecoder();
          const stream = concatBytes(...frames.map(encodeFrame));
          expect(cutUp(stream, lengths).flatMap((part) => decoder.push(part))).toEqual(frames);
          expect(decoder.buffered).toBe(0);
        },
      ),
    );
  });

  test("come out byte by byte, with and without a body", () => {
    const frames = [
      { type: 9, requestId: 1, body: new Uint8Array(0) },
      { type: 6, requestId: 3, body: Uint8Array.from({ length: 5000 }, (_, i) => i % 256) },
      { type: 13, requestId: 5, body: new Uint8Array(0) },
    ];
    const decoder = createFrameDecoder();
    const seen: Frame[] = [];
    for (const byte of concatBytes(...frames.map(encodeFrame))) {
      seen.push(...decoder.push(Uint8Array.of(byte)));
    }
    expect(seen).toEqual(frames);
  });

  test("a body does not change with the chunk it came in", () => {
    const chunk = encodeFrame({ type: 1, requestId: 1, body: Uint8Array.of(7) });
    const [frame] = createFrameDecoder().push(chunk);
    chunk.fill(0);
    expect(frame?.body).toEqual(Uint8Array.of(7));
  });

  test("the largest frame passes; one byte more is refused before its body, and for good", () => {
    const body = new Uint8Array(MAX_BODY_BYTES).fill(1);
    const decoder = createFrameDecoder();
    expect(decoder.push(encodeFrame({ type: 1, requestId: 1, body }))[0]?.body).toEqual(body);
    const tooLarge = Uint8Array.of(0x01, 0x00, 0x10, 0x00, 1, 0, 0, 0, 0);
    const error = expect.objectContaining({
      name: "FormatError",
      detail: { code: "FORMAT_TOO_LONG", format: "frame", actual: 1_048_577, max: 1_048_576 },
    });
    expect(() => decoder.push(tooLarge)).toThrow(error);
    expect(() => decoder.push(new Uint8Array(0))).toThrow(error);
    expect(() => decoder.push(Uint8Array.of(1))).toThrow(error);
    expect(() =>
      encodeFrame({ type: 1, requestId: 1, body: new Uint8Array(MAX_BODY_BYTES + 1) }),
    ).toThrow(RangeError);
  });

  test("never holds more than one frame, and never what was only announced", () => {
    const decoder = createFrameDecoder();
    decoder.push(Uint8Array.of(0x00, 0x00, 0x10, 0x00, 1, 0, 0, 0, 0));
    expect(decoder.buffered).toBe(FRAME_HEADER_BYTES);
    const chunk = new Uint8Array(100_000);
    let most = 0;
    for (let i = 0; i < 30; i++) {
      decoder.push(chunk);
      most = Math.max(most, decoder.buffered);
    }
    expect(most).toBeLessThanOrEqual(LARGEST_FRAME);
  });

  test("any bytes give frames that encode to them, or a FormatError", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        const decoder = createFrameDecoder();
        try {
          const frames = decoder.push(bytes);
          const encoded = concatBytes(...frames.map(encodeFrame));
          expect(encoded).toEqual(bytes.slice(0, bytes.length - decoder.buffered));
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    ["type", { type: 256, requestId: 1, body: new Uint8Array(0) }],
    ["request id", { type: 1, requestId: 2 ** 32, body: new Uint8Array(0) }],
  ])("refuses to encode a %s that does not fit", (_name, frame) => {
    expect(() => encodeFrame(frame)).toThrow(RangeError);
  });
});
