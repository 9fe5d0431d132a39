/**
 * Frames of the peer protocol (spec/05 §5.2): u32 body length, u8 type, u32 request id, body.
 */

import { concatBytes } from "../bytes.ts";
import { u8, u32 } from "../field.ts";
import { FormatError } from "../format-error.ts";
import { MAX_BODY_BYTES } from "../limits.ts";

export interface Frame {
  readonly type: number;
  readonly requestId: number;
  readonly body: Uint8Array;
}

export const FRAME_HEADER_BYTES = 9;

const TYPE_OFFSET = 4;
const REQUEST_OFFSET = 5;

/** What a decoder holds between frames; a frame that needs more gives it back. */
const KEPT_BYTES = 4096;

/** @throws {RangeError} for a frame that no decoder would accept: that is the caller's bug. */
export function encodeFrame({ type, requestId, body }: Frame): Uint8Array {
  if (body.length > MAX_BODY_BYTES) throw new RangeError(`a body of ${body.length} bytes`);
  return concatBytes(u32.encode(body.length), u8.encode(type), u32.encode(requestId), body);
}

/** Cuts the bytes of one stream into frames. */
export interface FrameDecoder {
  /** Bytes held for the frame that has not ended: at most {@link FRAME_HEADER_BYTES} + {@link MAX_BODY_BYTES}. */
  readonly buffered: number;
  /**
   * The frames that end in `chunk`; their bodies are copies.
   *
   * @throws {FormatError} for a frame that is too large. The stream is lost: every later call throws the same.
   */
  push(chunk: Uint8Array): Frame[];
}

export function createFrameDecoder(): FrameDecoder {
  return new BufferedFrameDecoder();
}

class BufferedFrameDecoder implements FrameDecoder {
  /** Grows with what has arrived, not with what was announced. */
  #buffer = new Uint8Array(KEPT_BYTES);
  #filled = 0;
  /** Null until the header has arrived. */
  #bodyLength: number | null = null;
  #failure: FormatError | null = null;

  get buffered(): number {
    return this.#filled;
  }

  push(chunk: Uint8Array): Frame[] {
    if (this.#failure !== null) throw this.#failure;
    const frames: Frame[] = [];
    for (let at = 0; at < chunk.length; ) {
      const part = chunk.subarray(at, at + this.#length - this.#filled);
      this.#append(part);
      at += part.length;
      if (this.#filled < this.#length) break;
      this.#bodyLength ??= this.#readBodyLength();
      if (this.#filled === this.#length) frames.push(this.#takeFrame());
    }
    return frames;
  }

  #append(part: Uint8Array): void {
    const needed = this.#filled + part.length;
    if (needed > this.#buffer.length) {
      const grown = new Uint8Array(
        Math.min(Math.max(needed, 2 * this.#buffer.length), this.#length),
      );
      grown.set(this.#buffer.subarray(0, this.#filled));
      this.#buffer = grown;
    }
    this.#buffer.set(part, this.#filled);
    this.#filled = needed;
  }

  #readBodyLength(): number {
    const bodyLength = this.#view().getUint32(0, true);
    if (bodyLength <= MAX_BODY_BYTES) return bodyLength;
    this.#failure = new FormatError({
      code: "FORMAT_TOO_LONG",
      format: "frame",
      actual: bodyLength,
      max: MAX_BODY_BYTES,
    });
    throw this.#failure;
  }

  #takeFrame(): Frame {
    const view = this.#view();
    const frame = {
      type: view.getUint8(TYPE_OFFSET),
      requestId: view.getUint32(REQUEST_OFFSET, true),
      body: this.#buffer.slice(FRAME_HEADER_BYTES, this.#length),
    };
    if (this.#buffer.length > KEPT_BYTES) this.#buffer = new Uint8Array(KEPT_BYTES);
    this.#filled = 0;
    this.#bodyLength = null;
    return frame;
  }

  /** Bytes of the frame, as far as they are known. */
  get #length(): number {
    return FRAME_HEADER_BYTES + (this.#bodyLength ?? 0);
  }

  #view(): DataView {
    return new DataView(this.#buffer.buffer);
  }
}
