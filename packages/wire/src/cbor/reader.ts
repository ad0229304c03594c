import { NESTING_DEPTH_MAX, VALUE_COUNT_MAX } from "../limits.ts";
import { malformed } from "../serialization-fault.ts";
import type { Found } from "../serialization-fault.ts";

/** What a head announces: a kind of value, `null` (also `undefined`), or the end of an indefinite one. */
export type Kind = Found | "null" | "break" | "unassigned";

/**
 * Reads CBOR (RFC 8949) off bytes, forward only. A head that announces more than what is left is
 * refused before anything is allocated; tags are read past, since the shapes say what a value means.
 *
 * The way: {@link head} reads the first bytes of a value and says what it is; then exactly one of the
 * other methods takes or skips the rest. Every method throws a malformed {@link SerializationFault}
 * when the bytes are not well-formed.
 */
export class CborReader {
  readonly #bytes: Buffer;
  #position = 0;
  #valueCount = 0;
  /** Levels of shapes that contain themselves. */
  #nesting = 0;
  /** Levels that are being skipped at the moment, keys included. */
  #depth = 0;

  #kind: Kind = "null";
  /** Of the head that was read last: a length, a number, or 0 and 1 for a boolean. */
  #argument = 0;
  #indefinite = false;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  head(): Kind {
    let initial = this.#byte();
    let tagged = false;
    while (initial >> 5 === 6) {
      this.#readArgument(initial & 0x1f);
      if (this.#indefinite) throw malformed();
      tagged = true;
      initial = this.#byte();
    }
    this.#kind = this.#kindOf(initial >> 5, initial & 0x1f);
    if (tagged && this.#kind === "break") throw malformed();
    return this.#kind;
  }

  /** The number whose head was read last. */
  number(): number {
    return this.#argument;
  }

  boolean(): boolean {
    return this.#argument === 1;
  }

  /** The text whose head was read last. Text that is not UTF-8 is malformed. */
  string(): string {
    return textOf(this.#indefinite ? this.#chunks("string") : this.#take());
  }

  /** The byte string whose head was read last: a view of the body when it is in one piece. */
  bytes(): Buffer {
    return this.#indefinite ? this.#chunks("bytes") : this.#take();
  }

  /** Reads the list whose head was read last, calling `element` with the head of each element read. */
  list(element: (kind: Kind) => void): void {
    if (this.#indefinite) {
      for (let kind = this.head(); kind !== "break"; kind = this.head()) element(kind);
      return;
    }
    for (let left = this.#argument; left > 0; left--) element(this.#notBreak());
  }

  /**
   * Reads the map whose head was read last, calling `entry` for each key with the head of its value
   * read. A key that is no text is given as undefined.
   */
  map(entry: (key: string | undefined, kind: Kind) => void): void {
    const indefinite = this.#indefinite;
    let left = this.#argument;
    for (;;) {
      if (!indefinite && left-- === 0) return;
      const keyKind = this.head();
      if (keyKind === "break") {
        if (indefinite) return;
        throw malformed();
      }
      const key = this.#key(keyKind);
      entry(key, this.#notBreak());
    }
  }

  /** Counts a value that is being kept against the bound on values. */
  count(): void {
    if (++this.#valueCount > VALUE_COUNT_MAX) throw malformed();
  }

  /** Reads something inside of something of its own shape. Only such shapes let a document nest as it likes. */
  nested<T>(read: () => T): T {
    if (++this.#nesting > NESTING_DEPTH_MAX) throw malformed();
    const value = read();
    this.#nesting -= 1;
    return value;
  }

  /** Goes past the value whose head was read last. */
  skip(): void {
    if (++this.#depth > NESTING_DEPTH_MAX) throw malformed();
    switch (this.#kind) {
      case "string":
        this.string();
        break;
      case "bytes":
        this.bytes();
        break;
      case "list":
        this.list(() => this.skip());
        break;
      case "map":
        this.map(() => this.skip());
        break;
      case "break":
        throw malformed();
      default:
      // A number, a truth, null and an unassigned simple value end with their head.
    }
    this.#depth--;
  }

  /** Refuses anything behind the document. */
  finish(): void {
    if (this.#position !== this.#bytes.length) throw malformed();
  }

  #key(kind: Kind): string | undefined {
    if (kind === "string") return this.string();
    this.skip();
    return undefined;
  }

  #notBreak(): Kind {
    const kind = this.head();
    if (kind === "break") throw malformed();
    return kind;
  }

  #kindOf(major: number, information: number): Kind {
    switch (major) {
      case 0:
      case 1:
        this.#readArgument(information);
        if (this.#indefinite) throw malformed();
        if (major === 1) this.#argument = -1 - this.#argument;
        return "number";
      case 2:
      case 3:
        this.#readLength(information, 1);
        return major === 2 ? "bytes" : "string";
      case 4:
        this.#readLength(information, 1);
        return "list";
      case 5:
        this.#readLength(information, 2);
        return "map";
      default:
        return this.#simple(information);
    }
  }

  #simple(information: number): Kind {
    switch (information) {
      case 20:
      case 21:
        this.#argument = information - 20;
        return "boolean";
      case 22:
      case 23:
        return "null";
      case 24:
        // One byte more; values below 32 must not be written this way.
        if (this.#byte() < 32) throw malformed();
        return "unassigned";
      case 25:
        this.#argument = halfFloat(this.#bytes.readUInt16BE(this.#advance(2)));
        return "number";
      case 26:
        this.#argument = this.#bytes.readFloatBE(this.#advance(4));
        return "number";
      case 27:
        this.#argument = this.#bytes.readDoubleBE(this.#advance(8));
        return "number";
      case 28:
      case 29:
      case 30:
        throw malformed();
      case 31:
        return "break";
      default:
        return "unassigned";
    }
  }

  /** Reads an argument that announces items of at least `itemBytesMin` bytes each. */
  #readLength(information: number, itemBytesMin: number): void {
    this.#readArgument(information);
    const left = this.#bytes.length - this.#position;
    if (!this.#indefinite && this.#argument * itemBytesMin > left) throw malformed();
  }

  #readArgument(information: number): void {
    this.#indefinite = information === 31;
    if (information < 24) this.#argument = information;
    else if (information === 24) this.#argument = this.#byte();
    else if (information === 25) this.#argument = this.#bytes.readUInt16BE(this.#advance(2));
    else if (information === 26) this.#argument = this.#bytes.readUInt32BE(this.#advance(4));
    else if (information === 27) {
      this.#argument = Number(this.#bytes.readBigUInt64BE(this.#advance(8)));
    } else if (information === 31) this.#argument = 0;
    else throw malformed();
  }

  /**
   * Joins the pieces of an indefinite string, each of which is definite and of the same kind. They are
   * measured before they are copied, so that a megabyte of tiny pieces never becomes as many objects.
   */
  #chunks(wanted: "string" | "bytes"): Buffer {
    const start = this.#position;
    let sizeBytes = 0;
    while (this.#chunkHead(wanted) !== "break") {
      sizeBytes += this.#argument;
      this.#advance(this.#argument);
    }
    const joined = Buffer.allocUnsafe(sizeBytes);
    this.#position = start;
    let filled = 0;
    while (this.#chunkHead(wanted) !== "break") {
      const from = this.#advance(this.#argument);
      filled += this.#bytes.copy(joined, filled, from, this.#position);
    }
    return joined;
  }

  #chunkHead(wanted: "string" | "bytes"): Kind {
    const initial = this.#byte();
    if (initial === 0xff) return "break";
    const kind = this.#kindOf(initial >> 5, initial & 0x1f);
    if (kind !== wanted || this.#indefinite) throw malformed();
    return kind;
  }

  #take(): Buffer {
    const start = this.#advance(this.#argument);
    return this.#bytes.subarray(start, this.#position);
  }

  #byte(): number {
    return this.#bytes[this.#advance(1)] as number;
  }

  /** Goes forward and returns where it stood. */
  #advance(sizeBytes: number): number {
    const start = this.#position;
    if (sizeBytes > this.#bytes.length - start) throw malformed();
    this.#position = start + sizeBytes;
    return start;
  }
}

function textOf(bytes: Buffer): string {
  const text = bytes.toString("utf8");
  // The replacement character is the only sign of bytes that are not UTF-8, and may also be meant.
  if (text.includes("\ufffd") && !Buffer.from(text, "utf8").equals(bytes)) throw malformed();
  return text;
}

/** IEEE 754 binary16: one sign bit, five of exponent, ten of fraction. */
function halfFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
