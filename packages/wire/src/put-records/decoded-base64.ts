import { decodeBase64Into } from "../base64.ts";
import type { BytePool } from "@millrace/runtime";

/** The base64 of a JSON body as bytes. What is decoded stands at the place of its first character. */
export interface DecodedBase64 {
  /** As long as the body. What is no data of a record may be anything. */
  readonly bytes: Buffer;
  /** Where the other strings of the body stand. */
  readonly texts: Buffer;
  /** Behind the characters that were decoded last. */
  readonly end: number;
  /**
   * Decodes the string whose characters begin at `from`, and sets {@link end}. Returns how many bytes it comes to, or -1 when it is
   * not strictly canonical (`base64.ts`). Whether a quotation mark follows is left to the caller.
   */
  decode(from: number): number;
  /** Lets other requests have the memory. To be called once. */
  release(): void;
}

/** With the platform's decoder, for where there is no better one. */
export class NativeBase64 implements DecodedBase64 {
  readonly bytes: Buffer;
  readonly texts: Buffer;
  readonly #pool: BytePool;
  end = 0;

  constructor(body: Buffer, pool: BytePool) {
    this.texts = body;
    this.#pool = pool;
    this.bytes = pool.take(body.length);
  }

  decode(from: number): number {
    const end = this.texts.indexOf(QUOTE, from);
    if (end < 0) return -1;
    this.end = end;
    return decodeBase64Into(this.texts.toString("latin1", from, end), this.bytes, from);
  }

  release(): void {
    this.#pool.give(this.bytes);
  }
}

const QUOTE = 0x22;
