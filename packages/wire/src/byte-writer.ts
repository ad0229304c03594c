/** Pieces above this size are handed on as they are; smaller ones are copied together. */
const copyBytesMax = 4 * 1024;
const firstChunkBytes = 1024;
const chunkBytesMax = 64 * 1024;
/** Short texts are joined as strings up to this length, since each write to a buffer costs a call. */
const pendingLengthMax = 2 * 1024;

const NO_CHUNK = Buffer.alloc(0);

/**
 * Collects an encoded document as pieces that are laid end to end. No text ever grows with the
 * document, and large blobs are not copied.
 */
export class ByteWriter {
  readonly #pieces: Buffer[] = [];
  /** Of the first chunk, which is made when it is known that the document is more than a short text. */
  readonly #firstBytes: number;
  #chunk: Buffer = NO_CHUNK;
  /** Where the part of the chunk begins that is in no piece yet. */
  #start = 0;
  #end = 0;
  #pending = "";

  /** A document of up to `sizeBytes` becomes one piece. */
  constructor(sizeBytes = firstChunkBytes) {
    this.#firstBytes = sizeBytes;
  }

  /** Appends text as UTF-8. */
  text(text: string): void {
    this.#pending += text;
    if (this.#pending.length > pendingLengthMax) this.#flush();
  }

  /** Appends text that is known to be ASCII, at once: for texts that are long, or parts of a long run of them. */
  ascii(text: string): void {
    this.#flush();
    this.#room(text.length);
    this.#end += this.#chunk.write(text, this.#end, "latin1");
  }

  byte(value: number): void {
    this.#flush();
    this.#room(1);
    this.#chunk[this.#end++] = value;
  }

  /** An unsigned big-endian integer of 2 or 4 bytes. */
  unsigned(value: number, width: 2 | 4): void {
    this.#flush();
    this.#room(width);
    this.#end = this.#chunk.writeUIntBE(value, this.#end, width);
  }

  unsigned64(value: bigint): void {
    this.#flush();
    this.#room(8);
    this.#end = this.#chunk.writeBigUInt64BE(value, this.#end);
  }

  /** Appends bytes; large ones are kept by reference and must not change any more. */
  bytes(bytes: Uint8Array): void {
    this.#flush();
    if (bytes.length > copyBytesMax) {
      this.#cut();
      this.#pieces.push(asBuffer(bytes));
      return;
    }
    this.#room(bytes.length);
    this.#chunk.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  /** Appends `sizeBytes` bytes that `write` puts to `target`, from `at` on. All of them must be written. */
  fill(sizeBytes: number, write: (target: Buffer, at: number) => void): void {
    this.#flush();
    this.#room(sizeBytes);
    write(this.#chunk, this.#end);
    this.#end += sizeBytes;
  }

  /** Appends bytes as base64. */
  base64(bytes: Uint8Array): void {
    this.ascii(asBuffer(bytes).toString("base64"));
  }

  /** All pieces, in order. The writer must not be used afterwards. */
  pieces(): readonly Buffer[] {
    if (this.#chunk === NO_CHUNK) {
      if (this.#pending !== "") this.#pieces.push(Buffer.from(this.#pending, "utf8"));
      return this.#pieces;
    }
    this.#flush();
    this.#cut();
    return this.#pieces;
  }

  #flush(): void {
    if (this.#pending === "") return;
    const text = this.#pending;
    this.#pending = "";
    // A UTF-16 unit takes at most three bytes.
    this.#room(text.length * 3);
    this.#end += this.#chunk.write(text, this.#end, "utf8");
  }

  #room(sizeBytes: number): void {
    if (this.#end + sizeBytes <= this.#chunk.length) return;
    this.#cut();
    const grown =
      this.#chunk === NO_CHUNK ? this.#firstBytes : Math.min(this.#chunk.length * 4, chunkBytesMax);
    this.#chunk = Buffer.allocUnsafe(Math.max(sizeBytes, grown));
    this.#start = 0;
    this.#end = 0;
  }

  #cut(): void {
    if (this.#end > this.#start) this.#pieces.push(this.#chunk.subarray(this.#start, this.#end));
    this.#start = this.#end;
  }
}

/** A view of the same bytes with the methods of a Buffer. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Pieces as one array of bytes; no copy when there is only one. */
export function joined(pieces: readonly Buffer[]): Buffer {
  const [first] = pieces;
  return first !== undefined && pieces.length === 1 ? first : Buffer.concat(pieces);
}
