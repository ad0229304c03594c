import { malformed } from "../serialization-fault.ts";
import type { Found } from "../serialization-fault.ts";
import { NESTING_DEPTH_MAX, VALUE_COUNT_MAX } from "../limits.ts";

const quote = 0x22;
const backslash = 0x5c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const comma = 0x2c;
const colon = 0x3a;
const minus = 0x2d;
const end = -1;

/** Strings up to this length are searched byte by byte; the search in longer ones is native. */
const nearBytes = 64;

const loneSurrogates = /\p{Surrogate}/gu;

/**
 * Reads strict JSON (RFC 8259) off bytes, forward only. What nobody asks for is checked and skipped
 * without making values of it.
 *
 * The bytes must be valid UTF-8; {@link decodeJson} looks at that once for the whole body. Every method
 * throws a malformed {@link SerializationFault} when the bytes are not JSON.
 */
export class JsonScanner {
  readonly #bytes: Buffer;
  /** Index of the next byte; may be put back to where a value began in order to read it again. */
  position = 0;
  #valueCount = 0;
  /** Levels of shapes that contain themselves. */
  #nesting = 0;
  /** Whether the string whose end was found last has escapes. */
  #escaped = false;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** What kind of value stands next, without reading it. */
  ahead(): Found | "null" {
    const byte = this.#skipSpace();
    switch (byte) {
      case quote:
        return "string";
      case openBrace:
        return "map";
      case openBracket:
        return "list";
      case 0x6e:
        return "null";
      case 0x74:
      case 0x66:
        return "boolean";
      default:
        if (byte === minus || isDigit(byte)) return "number";
        throw malformed();
    }
  }

  /**
   * Reads an object, calling `member` for each name with the scanner in front of its value, which
   * `member` must read or skip.
   */
  object(member: (name: string) => void): void {
    this.#expect(openBrace);
    if (this.#skipSpace() === closeBrace) {
      this.position++;
      return;
    }
    for (;;) {
      if (this.#skipSpace() !== quote) throw malformed();
      const name = this.string();
      this.#expect(colon);
      member(name);
      if (!this.#more(closeBrace)) return;
    }
  }

  /** Reads a list, calling `element` with the scanner in front of each element. */
  list(element: () => void): void {
    this.#expect(openBracket);
    if (this.#skipSpace() === closeBracket) {
      this.position++;
      return;
    }
    do element();
    while (this.#more(closeBracket));
  }

  /** Counts a value that is being kept against the bound on values. */
  count(): void {
    if (++this.#valueCount > VALUE_COUNT_MAX) throw malformed();
  }

  /** Reads a string. A lone surrogate becomes U+FFFD, which is what UTF-8 makes of it later anyway. */
  string(): string {
    const start = ++this.position;
    const stop = this.#closingQuote();
    this.position = stop + 1;
    if (this.#escaped) return this.#unescaped(start, stop).replace(loneSurrogates, "\ufffd");
    this.#refuseControls(start, stop);
    return this.#bytes.toString("utf8", start, stop);
  }

  /**
   * Reads a string that is expected to be base64, the quick way: one character per byte where it has
   * no escapes, so that anything outside ASCII comes out wrong, and control characters are not refused.
   */
  asciiString(): string {
    const start = ++this.position;
    const stop = this.#closingQuote();
    this.position = stop + 1;
    if (this.#escaped) return this.#unescaped(start, stop);
    return this.#bytes.toString("latin1", start, stop);
  }

  number(): number {
    const start = this.position;
    if (this.#byte() === minus) this.position++;
    if (this.#byte() === 0x30) this.position++;
    else this.#digits();
    if (this.#byte() === 0x2e) {
      this.position++;
      this.#digits();
    }
    if (this.#byte() === 0x65 || this.#byte() === 0x45) {
      this.position++;
      if (this.#byte() === 0x2b || this.#byte() === minus) this.position++;
      this.#digits();
    }
    return Number(this.#bytes.toString("latin1", start, this.position));
  }

  boolean(): boolean {
    const truth = this.#byte() === 0x74;
    this.#word(truth ? "true" : "false");
    return truth;
  }

  null(): void {
    this.#word("null");
  }

  /** Reads something inside of something of its own shape. Only such shapes let a document nest as it likes. */
  nested<T>(read: () => T): T {
    if (++this.#nesting > NESTING_DEPTH_MAX) throw malformed();
    const value = read();
    this.#nesting -= 1;
    return value;
  }

  /** Goes past one value of any kind. */
  skip(depth = 0): void {
    if (depth > NESTING_DEPTH_MAX) throw malformed();
    switch (this.ahead()) {
      case "map":
        this.#skipObject(depth);
        return;
      case "list":
        this.list(() => this.skip(depth + 1));
        return;
      case "string":
        this.#skipString();
        return;
      case "number":
        this.number();
        return;
      case "boolean":
        this.boolean();
        return;
      default:
        this.null();
    }
  }

  /** Refuses anything but white space in what is left. */
  finish(): void {
    if (this.#skipSpace() !== end) throw malformed();
  }

  #skipObject(depth: number): void {
    this.#expect(openBrace);
    if (this.#skipSpace() === closeBrace) {
      this.position++;
      return;
    }
    do {
      if (this.#skipSpace() !== quote) throw malformed();
      this.#skipString();
      this.#expect(colon);
      this.skip(depth + 1);
    } while (this.#more(closeBrace));
  }

  /** Checks that the string that starts here is one, escapes included. */
  #skipString(): void {
    const start = ++this.position;
    const stop = this.#closingQuote();
    if (this.#escaped) this.#unescaped(start, stop);
    else this.#refuseControls(start, stop);
    this.position = stop + 1;
  }

  /** The index of the quote that ends the string whose first byte is next; sets `#escaped`. */
  #closingQuote(): number {
    const bytes = this.#bytes;
    this.#escaped = false;
    let index = this.position;
    const near = Math.min(index + nearBytes, bytes.length);
    while (index < near) {
      const byte = bytes[index] as number;
      if (byte === quote) return index;
      if (byte < 0x20) throw malformed();
      if (byte === backslash) {
        this.#escaped = true;
        index++;
      }
      index++;
    }
    return this.#farQuote(index);
  }

  #farQuote(from: number): number {
    const bytes = this.#bytes;
    let index = from;
    let stop = bytes.indexOf(quote, index);
    for (;;) {
      if (stop === -1) throw malformed();
      const escape = bytes.subarray(index, stop).indexOf(backslash);
      if (escape === -1) break;
      this.#escaped = true;
      index += escape + 2;
      // The quote is looked for again only when the escape went past it, or a string of nothing but
      // escapes would take quadratic time.
      if (index > stop) stop = bytes.indexOf(quote, index);
    }
    return stop;
  }

  /** Control characters may not stand in a string as they are; the near part has been checked. */
  #refuseControls(start: number, stop: number): void {
    for (let index = start + nearBytes; index < stop; index++) {
      if ((this.#bytes[index] as number) < 0x20) throw malformed();
    }
  }

  #unescaped(start: number, stop: number): string {
    try {
      return JSON.parse(this.#bytes.toString("utf8", start - 1, stop + 1)) as string;
    } catch {
      throw malformed();
    }
  }

  /** Reads what stands between two elements: true before another one, false at `close`. */
  #more(close: number): boolean {
    const byte = this.#skipSpace();
    this.position++;
    if (byte === comma) return true;
    if (byte === close) return false;
    throw malformed();
  }

  #expect(byte: number): void {
    if (this.#skipSpace() !== byte) throw malformed();
    this.position++;
  }

  #word(word: string): void {
    const stop = this.position + word.length;
    if (this.#bytes.toString("latin1", this.position, stop) !== word) throw malformed();
    this.position = stop;
  }

  #digits(): void {
    if (!isDigit(this.#byte())) throw malformed();
    while (isDigit(this.#byte())) this.position++;
  }

  #byte(): number {
    return this.#bytes[this.position] ?? end;
  }

  /** Goes past white space and returns the byte behind it without reading it. */
  #skipSpace(): number {
    for (;;) {
      const byte = this.#bytes[this.position] ?? end;
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return byte;
      this.position++;
    }
  }
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}
