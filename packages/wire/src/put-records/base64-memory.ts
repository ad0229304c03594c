/**
 * Where the base64 of requests is decoded: a copy of the body in memory that WebAssembly works on, in which bytes take
 * the place of their characters. It is used again by later requests.
 */
import { copierOf, webAssembly } from "@millrace/runtime";
import { base64Decoder, DECODER_PAGES } from "../webassembly/base64-decoder.ts";
import type { DecodedBase64 } from "./decoded-base64.ts";

const { instantiate, PAGE_BYTES } = webAssembly;

/** Decodes whole blocks; see `base64-decoder.ts`. */
type DecodeBlocks = (at: number, end: number) => number;

export class Base64Memory {
  readonly #bytes: Buffer;
  readonly #decodeBlocks: DecodeBlocks;
  /** Pages in use: 1. The system gives a page only when it is touched, and the first ones are taken first. */
  readonly #taken = new Uint8Array(DECODER_PAGES);

  constructor(bytes: Buffer, decodeBlocks: DecodeBlocks) {
    this.#bytes = bytes;
    this.#decodeBlocks = decodeBlocks;
  }

  /**
   * Memory that is this thread's `own`, or `shared` with others. Undefined where the machine has no such instructions, or no
   * room for the memory.
   */
  static create(kind: "own" | "shared"): Base64Memory | undefined {
    const instance = instantiate(base64Decoder(kind));
    return instance && new Base64Memory(instance.memory, instance.run);
  }

  /** A copy of `body` to decode in; undefined while there is no room for it. */
  copyOf(body: Buffer): DecodedBase64 | undefined {
    const pages = Math.max(1, Math.ceil(body.length / PAGE_BYTES));
    const first = this.#firstOfFree(pages);
    if (first < 0) return undefined;
    this.#taken.fill(1, first, first + pages);
    const start = first * PAGE_BYTES;
    copierOf(this.#bytes)(this.#bytes, start, body);
    const bytes = this.#bytes.subarray(start, start + body.length);
    return new Base64Copy(bytes, start, this.#decodeBlocks, () => {
      this.#taken.fill(0, first, first + pages);
    });
  }

  #firstOfFree(pages: number): number {
    let free = 0;
    for (let page = 0; page < DECODER_PAGES; page += 1) {
      free = this.#taken[page] === 0 ? free + 1 : 0;
      if (free === pages) return page - pages + 1;
    }
    return -1;
  }
}

class Base64Copy implements DecodedBase64 {
  readonly bytes: Buffer;
  readonly release: () => void;
  /** Where {@link bytes} begin in the memory. */
  readonly #start: number;
  readonly #decodeBlocks: DecodeBlocks;
  end = 0;

  constructor(bytes: Buffer, start: number, decodeBlocks: DecodeBlocks, release: () => void) {
    this.bytes = bytes;
    this.#start = start;
    this.#decodeBlocks = decodeBlocks;
    this.release = release;
  }

  /** The copy has them too, at the same places. */
  get texts(): Buffer {
    return this.bytes;
  }

  decode(from: number): number {
    const { bytes } = this;
    let at = this.#decodeBlocks(this.#start + from, this.#start + bytes.length) - this.#start;
    let out = from + ((at - from) / 4) * 3;
    for (;;) {
      const first = VALUES[bytes[at] ?? 0]!;
      if (first === NONE) break;
      const second = valueAt(bytes, at + 1);
      const third = valueAt(bytes, at + 2);
      const fourth = valueAt(bytes, at + 3);
      if (second === NONE) return -1;
      if (fourth !== NONE && third !== NONE) {
        bytes[out] = (first << 2) | (second >> 4);
        bytes[out + 1] = (second << 4) | (third >> 2);
        bytes[out + 2] = (third << 6) | fourth;
        out += 3;
        at += 4;
        continue;
      }
      // The last four, with one or two for padding, and no stray bits before those.
      if (bytes[at + 3] !== PAD) return -1;
      if (third === NONE) {
        if (bytes[at + 2] !== PAD || (second & 0b1111) !== 0) return -1;
        bytes[out] = (first << 2) | (second >> 4);
        out += 1;
      } else {
        if ((third & 0b11) !== 0) return -1;
        bytes[out] = (first << 2) | (second >> 4);
        bytes[out + 1] = (second << 4) | (third >> 2);
        out += 2;
      }
      at += 4;
      break;
    }
    this.end = at;
    return out - from;
  }
}

const PAD = 0x3d;
const NONE = -1;
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const VALUES = Int8Array.from({ length: 256 }, (_, code) => ALPHABET.indexOf(String.fromCharCode(code)));

function valueAt(bytes: Buffer, at: number): number {
  return at < bytes.length ? VALUES[bytes[at]!]! : NONE;
}
