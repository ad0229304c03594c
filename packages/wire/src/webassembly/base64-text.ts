/**
 * Text with base64 in it, put together in memory that WebAssembly works on. It is copied out when it is whole, or when the memory is
 * full: it is small enough to stay in the processor's caches.
 */
import { webAssembly } from "@millrace/runtime";
import { BLOCK_BYTES, BLOCK_CHARACTERS, base64Encoder, READ_AHEAD_BYTES } from "./base64-encoder.ts";

type Instance = webAssembly.Instance;
const { instantiate, PAGE_BYTES } = webAssembly;

/** Bytes to be encoded are brought here first, with what lies around them. A little more is read. */
const WINDOW_BYTES = PAGE_BYTES;
const ASIDE_START = WINDOW_BYTES + BLOCK_BYTES + READ_AHEAD_BYTES;
const TEXT_START = WINDOW_BYTES + PAGE_BYTES;
const TEXT_BYTES = 2 * PAGE_BYTES;
const PAGES = (TEXT_START + TEXT_BYTES) / PAGE_BYTES;
/** A multiple of three whose characters fit the text with room to spare. */
const RUN_BYTES_MAX = 48 * 1024;

const PAD = 0x3d;
const ZERO = 0x30;
const NINE = 0x39;
const ALPHABET = Buffer.from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");

export class Base64Text {
  readonly #memory: Buffer;
  readonly #encode: Instance["run"];
  #end = TEXT_START;
  #target: Buffer = NOTHING;
  #targetEnd = 0;
  #source: Buffer = NOTHING;
  /** What of the source is in the window. */
  #windowStart = 0;
  #windowEnd = 0;

  constructor({ memory, run }: Instance) {
    this.#memory = memory;
    this.#encode = run;
  }

  /** Undefined where the machine has no such instructions. */
  static create(): Base64Text | undefined {
    const instance = instantiate(base64Encoder(PAGES));
    return instance && new Base64Text(instance);
  }

  /** Begins a text that goes to `target`, from `at` on, which must have room for it. */
  begin(target: Buffer, at: number): void {
    this.#target = target;
    this.#targetEnd = at;
    this.#end = TEXT_START;
  }

  /** What {@link base64} takes bytes from. */
  from(source: Buffer): void {
    this.#source = source;
    this.#windowStart = 0;
    this.#windowEnd = 0;
  }

  /** Appends text that is known to be ASCII and at most a kilobyte long. */
  ascii(text: string): void {
    this.#room(text.length);
    this.#end += this.#memory.write(text, this.#end, "latin1");
  }

  /**
   * Puts ASCII text aside that {@link repeat} appends, to place `at` or on; gives the place behind it. Places begin with 0, and there
   * is room for a kilobyte.
   */
  putAside(at: number, text: string): number {
    return at + this.#memory.write(text, ASIDE_START + at, "latin1");
  }

  /** Appends what was put aside between two places. */
  repeat(start: number, end: number): void {
    this.#room(end - start);
    this.#memory.copyWithin(this.#end, ASIDE_START + start, ASIDE_START + end);
    this.#end += end - start;
  }

  /** Adds one to the decimal number in what was put aside that ends at place `end`. It must not consist of nines alone. */
  countUp(end: number): void {
    const memory = this.#memory;
    let at = ASIDE_START + end - 1;
    for (; memory[at] === NINE; at -= 1) memory[at] = ZERO;
    memory[at]! += 1;
  }

  /** Appends bytes of the source as they are, a kilobyte at most. */
  copied(start: number, end: number): void {
    this.#room(end - start);
    const memory = this.#memory;
    const source = this.#source;
    let out = this.#end;
    for (let at = start; at < end; at += 1) memory[out++] = source[at]!;
    this.#end = out;
  }

  /** Appends bytes as they are, however many. */
  bytes(bytes: Uint8Array): void {
    this.#flush();
    this.#target.set(bytes, this.#targetEnd);
    this.#targetEnd += bytes.length;
  }

  /** Appends bytes of the source as base64. */
  base64(start: number, end: number): void {
    for (let at = start; at < end; at += RUN_BYTES_MAX) this.#run(at, Math.min(at + RUN_BYTES_MAX, end));
  }

  /** Ends the text; gives the place behind it in the target. */
  finish(): number {
    this.#flush();
    this.#target = NOTHING;
    this.#source = NOTHING;
    return this.#targetEnd;
  }

  #run(start: number, end: number): void {
    if (start < this.#windowStart || end > this.#windowEnd) {
      this.#windowStart = start;
      this.#windowEnd = Math.min(start + WINDOW_BYTES, this.#source.length);
      this.#source.copy(this.#memory, 0, start, this.#windowEnd);
    }
    const length = end - start;
    const blocks = Math.ceil(length / BLOCK_BYTES);
    this.#room(blocks * BLOCK_CHARACTERS);
    const at = start - this.#windowStart;
    this.#encode(at, at + blocks * BLOCK_BYTES, this.#end);
    const restBytes = length % 3;
    this.#end += ((length - restBytes) / 3) * 4;
    if (restBytes > 0) this.#last(at + length - restBytes, restBytes);
  }

  /** The last one or two bytes, and what fills them up to four characters. */
  #last(at: number, count: number): void {
    const memory = this.#memory;
    const first = memory[at]!;
    const second = count === 2 ? memory[at + 1]! : 0;
    const out = this.#end;
    memory[out] = ALPHABET[first >> 2]!;
    memory[out + 1] = ALPHABET[((first & 0b11) << 4) | (second >> 4)]!;
    memory[out + 2] = count === 2 ? ALPHABET[(second & 0b1111) << 2]! : PAD;
    memory[out + 3] = PAD;
    this.#end += 4;
  }

  #room(sizeBytes: number): void {
    if (this.#end + sizeBytes > TEXT_START + TEXT_BYTES) this.#flush();
  }

  #flush(): void {
    if (this.#end === TEXT_START) return;
    this.#memory.copy(this.#target, this.#targetEnd, TEXT_START, this.#end);
    this.#targetEnd += this.#end - TEXT_START;
    this.#end = TEXT_START;
  }
}

const NOTHING = Buffer.alloc(0);
