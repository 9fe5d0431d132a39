import { MEMORY_PAGE_BYTES, PAGE_POSITIONS, type Pointer } from "@assay/kernels";
import { checkProgram, type Program } from "@assay/model";
import type { Sampling } from "@assay/wire";
import { Arena } from "./arena.ts";
import { EngineError } from "./engine-error.ts";
import { type BatchRow, Executor, type OnLogits } from "./executor.ts";
import { SessionStore, type Slot } from "./session-store.ts";
import { checkSampling, TokenChooser } from "./token-chooser.ts";
import { type TracedSession, TraceHasher } from "./trace-hasher.ts";

/** A sequence of tokens in progress. What throws leaves it as it was. */
export interface Session {
  /** Positions processed so far. */
  readonly length: number;
  /** Processes `tokens`, at least one, at the next positions. */
  append(tokens: readonly number[]): void;
  /**
   * As `append`, and chooses a token at each of the last `count` of these positions.
   * In batches: what costs one pass a token while tokens are being chosen costs one pass for 64 here.
   */
  appendAndChoose(
    tokens: readonly number[],
    count: number,
    sampling: Sampling,
    seed: Uint8Array,
  ): number[];
  /** The token that `sampling` chooses at the last position. A greedy choice does not look at the seed. */
  choose(sampling: Sampling, seed: Uint8Array): number;
  /** Of the last position, at scale 2^−10. */
  logits(): Int32Array;
  /** spec/02 §2.7, over all positions so far. */
  traceRoot(): Uint8Array;
  /** Gives the session's memory back to the engine. Closing twice is nothing. */
  close(): void;
}

export interface Engine {
  readonly program: Program;
  /** Multiplications of weights that one position takes: a measure of time without a clock. */
  readonly workPerPosition: number;
  /** Bytes in use or kept for later sessions. */
  readonly memoryBytes: number;
  createSession(): Session;
  /** Processes one token for each session, `PAGE_POSITIONS` sessions a pass. */
  decode(sessions: readonly Session[], tokens: readonly number[]): void;
}

export interface EngineOptions {
  /** Limit of the engine's memory, weights included; 4 GiB less 64 KiB where it is left out. */
  readonly maxMemoryBytes?: number;
}

/** @throws {EngineError} ENGINE_COUNT */
export function checkCount(count: number): void {
  if (!Number.isInteger(count) || count < 1) throw new EngineError({ code: "ENGINE_COUNT", count });
}

const MAX_MEMORY_BYTES = 2 ** 32 - MEMORY_PAGE_BYTES;

/**
 * An engine for `program`, with its own copy of the weights. Synchronous; takes milliseconds per million weights.
 *
 * @throws {EngineError} ENGINE_PROGRAM where `checkProgram` refuses the program, ENGINE_MEMORY
 */
export function createEngine(program: Program, options: EngineOptions = {}): Engine {
  return new ProgramEngine(program, options.maxMemoryBytes ?? MAX_MEMORY_BYTES);
}

class ProgramEngine implements Engine {
  readonly program: Program;
  readonly arena: Arena;
  readonly executor: Executor;
  readonly store: SessionStore;
  readonly hasher: TraceHasher;
  readonly chooser: TokenChooser;

  constructor(program: Program, maxMemoryBytes: number) {
    const accepted = checkProgram(program);
    if (!accepted.ok) {
      const { code: check, message: reason } = accepted;
      throw new EngineError({ code: "ENGINE_PROGRAM", check, reason });
    }
    const { context, vocab } = program;
    this.program = program;
    this.arena = new Arena(Math.min(maxMemoryBytes, MAX_MEMORY_BYTES));
    this.executor = new Executor(this.arena, program, accepted);
    const { layout, tables } = this.executor;
    this.store = new SessionStore(this.arena, layout, context, vocab);
    this.hasher = new TraceHasher(this.arena, layout, this.store.contextPages);
    this.chooser = new TokenChooser(this.arena, vocab, tables.exp);
  }

  get workPerPosition(): number {
    return this.executor.workPerPosition;
  }

  get memoryBytes(): number {
    return this.arena.size;
  }

  createSession(): Session {
    return new ProgramSession(this);
  }

  checkToken(token: number, index: number): void {
    const { vocab } = this.program;
    if (Number.isInteger(token) && token >= 0 && token < vocab) return;
    throw new EngineError({ code: "ENGINE_TOKEN", token, index, vocab });
  }

  decode(sessions: readonly Session[], tokens: readonly number[]): void {
    if (sessions.length !== tokens.length) {
      throw new EngineError({
        code: "ENGINE_BATCH",
        sessions: sessions.length,
        tokens: tokens.length,
      });
    }
    const seen = new Set<ProgramSession>();
    const own = sessions.map((session, index) => {
      if (!(session instanceof ProgramSession) || session.engine !== this) {
        throw new EngineError({ code: "ENGINE_SESSION_FOREIGN", index });
      }
      if (seen.has(session)) throw new EngineError({ code: "ENGINE_SESSION_REPEATED", index });
      seen.add(session);
      return session;
    });
    tokens.forEach((token, index) => {
      this.checkToken(token, index);
    });
    for (const session of own) session.reserve(1);
    const longest = own.reduce((most, session) => Math.max(most, session.length + 1), 1);
    const most = this.executor.batchRows(longest);
    for (let first = 0; first < own.length; first += most) {
      const batch = own.slice(first, first + most);
      const rows = batch.map((session, i) => session.row(tokens[first + i] ?? 0, 0));
      this.executor.run(rows, 0, (row, logits) => batch[row]?.keepLogits(logits));
      for (const session of batch) session.advance(1);
    }
  }
}

class ProgramSession implements Session, TracedSession {
  readonly engine: ProgramEngine;
  readonly slot: Slot;
  readonly pages: Pointer[] = [];
  length = 0;
  hashed = 0;
  #state: "open" | "closed" = "open";

  constructor(engine: ProgramEngine) {
    this.engine = engine;
    this.slot = engine.store.takeSlot();
  }

  append(tokens: readonly number[]): void {
    this.#appendRows(tokens, 1, (_, logits) => this.keepLogits(logits));
  }

  appendAndChoose(
    tokens: readonly number[],
    count: number,
    sampling: Sampling,
    seed: Uint8Array,
  ): number[] {
    checkCount(count);
    checkSampling(sampling, seed);
    const chosen: number[] = [];
    this.#appendRows(tokens, count, (position, logits) => {
      chosen.push(this.engine.chooser.choose(logits, sampling, seed, position));
      this.keepLogits(logits);
    });
    return chosen;
  }

  /** Calls `onLogits` with each of the last `count` positions; `count` is at least 1. */
  #appendRows(tokens: readonly number[], count: number, onLogits: OnLogits): void {
    if (tokens.length < count) {
      throw new EngineError({ code: "ENGINE_TOKEN_COUNT", tokens: tokens.length, least: count });
    }
    tokens.forEach((token, index) => {
      this.engine.checkToken(token, index);
    });
    this.reserve(tokens.length);
    const firstChoice = this.length + tokens.length - count;
    for (let done = 0; done < tokens.length; ) {
      const rows = this.#nextRows(tokens, done);
      const start = this.length;
      const headFrom = Math.max(0, firstChoice - start);
      this.engine.executor.run(rows, headFrom, (row, logits) => onLogits(start + row, logits));
      this.advance(rows.length);
      done += rows.length;
    }
  }

  /** As many rows as one pass takes: to the end of the page, or as far as ragged buffers hold. */
  #nextRows(tokens: readonly number[], done: number): readonly BatchRow[] {
    const page = PAGE_POSITIONS - (this.length % PAGE_POSITIONS);
    const wanted = Math.min(tokens.length - done, page);
    const count = Math.min(wanted, this.engine.executor.batchRows(this.length + wanted));
    return tokens.slice(done, done + count).map((token, i) => this.row(token, i));
  }

  /** Checks that `added` positions fit, and has the pages for them. */
  reserve(added: number): void {
    this.#checkOpen();
    const { length } = this;
    const { context } = this.engine.program;
    if (length + added > context) {
      throw new EngineError({ code: "ENGINE_CONTEXT", context, length, added });
    }
    const pages = Math.ceil((length + added) / PAGE_POSITIONS);
    if (pages === this.pages.length) return;
    this.engine.store.takePages(this.pages, pages);
    this.engine.arena.words(this.slot.cachePages, pages).set(this.pages);
  }

  row(token: number, ahead: number): BatchRow {
    const { cachePages, statePages } = this.slot;
    return { token, position: this.length + ahead, cachePages, statePages };
  }

  advance(rows: number): void {
    this.length += rows;
    if (this.length % PAGE_POSITIONS === 0) this.engine.hasher.flush(this);
  }

  keepLogits(logits: Pointer): void {
    this.engine.arena.copy(this.slot.logits, logits, 4 * this.engine.program.vocab);
  }

  choose(sampling: Sampling, seed: Uint8Array): number {
    this.#checkPosition();
    checkSampling(sampling, seed);
    return this.engine.chooser.choose(this.slot.logits, sampling, seed, this.length - 1);
  }

  logits(): Int32Array {
    this.#checkPosition();
    return this.engine.arena.words(this.slot.logits, this.engine.program.vocab).slice();
  }

  traceRoot(): Uint8Array {
    this.#checkPosition();
    return this.engine.hasher.root(this);
  }

  close(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.engine.store.giveBack(this.slot, this.pages);
  }

  #checkPosition(): void {
    this.#checkOpen();
    if (this.length === 0) throw new EngineError({ code: "ENGINE_NO_POSITION" });
  }

  #checkOpen(): void {
    if (this.#state === "closed") throw new EngineError({ code: "ENGINE_SESSION_CLOSED" });
  }
}
