/**
 * The head of an HTTP/1.1 request in the form that nearly every client sends: `GET` or `POST`, a path, headers that occur once, a
 * body of a known length or none. What is read here means what it means to Node's parser; whatever else a request can be, and
 * whatever is no request, is left to that one.
 */

export interface PlainHead {
  readonly method: "GET" | "POST";
  /** Path and query as received. */
  readonly path: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** Where the body begins. */
  readonly headBytes: number;
  readonly bodyBytes: number;
}

const TAB = 0x09;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const COLON = 0x3a;
const DELETE = 0x7f;

/** Characters of a token (RFC 9110 §5.6.2), which names of headers are. */
const IS_NAME = tableOf((code) => /[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(String.fromCharCode(code)));
/** Characters of a value (RFC 9110 §5.5): no controls but the tab. */
const IS_VALUE = tableOf((code) => code === TAB || (code >= SPACE && code !== DELETE));
const IS_PATH = tableOf((code) => code > SPACE && code < DELETE);

const POST_START = Buffer.from("POST /");
const GET_START = Buffer.from("GET /");
const VERSION_AND_END = Buffer.from(" HTTP/1.1\r\n");

/** Headers that change what the bytes after the head are, or who speaks next; and names that objects have already. */
const SPECIAL: ReadonlySet<string> = new Set([
  "transfer-encoding",
  "expect",
  "upgrade",
  "proxy-connection",
  "set-cookie",
  "__proto__",
]);

/**
 * Reads the head that `bytes` begin with. Undefined when it is not whole, longer than `headBytesMax`, or anything but plain.
 */
export function readPlainHead(bytes: Buffer, headBytesMax: number): PlainHead | undefined {
  const request = lastLines.request(bytes);
  if (request === undefined) return undefined;
  let at = request.lineBytes;
  const headers: Record<string, string> = {};
  let bodyBytes = 0;
  for (let number = 0; bytes[at] !== CARRIAGE_RETURN; number += 1) {
    const line = lastLines.header(number, bytes, at);
    if (line === undefined) return undefined;
    at += line.lineBytes;
    const { name, value } = line;
    // Repeated headers have rules of their own; so has what any object has under the name.
    if (SPECIAL.has(name) || headers[name] !== undefined) return undefined;
    if (name === "content-length") {
      if (!/^\d{1,15}$/.test(value) || hasMoreBlanks(line)) return undefined;
      bodyBytes = Number(value);
    } else if (name === "connection" && (value.toLowerCase() !== "keep-alive" || hasMoreBlanks(line))) {
      return undefined;
    }
    headers[name] = value;
  }
  const headBytes = at + 2;
  if (bytes[at + 1] !== LINE_FEED || headBytes > headBytesMax || headers["host"] === undefined)
    return undefined;
  return { method: request.method, path: request.path, headers, headBytes, bodyBytes };
}

interface RequestLine {
  readonly method: "GET" | "POST";
  readonly path: string;
  /** With its end. */
  readonly lineBytes: number;
}

interface HeaderLine {
  /** Lower case. */
  readonly name: string;
  readonly value: string;
  /** Where the value begins in the line. */
  readonly valueOffset: number;
  /** With its end. */
  readonly lineBytes: number;
}

/**
 * The lines of the head that was read last, and what they said. A client says most of its lines again with every
 * request, and others that are made alike say them, too: to compare a line costs a fraction of reading it, and its name is one
 * that objects know already. Of a line that ends otherwise, as a signature does, only the rest is read.
 */
class LastLines {
  readonly #bytes = new DataView(new ArrayBuffer((LINES_MAX + 1) * LINE_BYTES_MAX));
  #request: RequestLine | undefined;
  readonly #headers: HeaderLine[] = [];
  /** Of what was read last: mostly, all that comes lies in the same memory. */
  #view: DataView = this.#bytes;

  /** The request line that `bytes` begin with; undefined when it is not plain, or not whole. */
  request(bytes: Buffer): RequestLine | undefined {
    const last = this.#request;
    if (last !== undefined && this.#alike(REQUEST_LINE, bytes, 0, last.lineBytes) === last.lineBytes)
      return last;
    const line = readRequestLine(bytes);
    if (line === undefined || line.lineBytes > LINE_BYTES_MAX) return line;
    this.#keep(REQUEST_LINE, bytes, 0, line.lineBytes);
    return (this.#request = line);
  }

  /** The header line that begins at `at`; undefined when it is not plain, or not whole. */
  header(number: number, bytes: Buffer, at: number): HeaderLine | undefined {
    if (number >= LINES_MAX) return readHeaderLine(bytes, at, at, undefined);
    const last = this.#headers[number];
    const alike = last === undefined ? 0 : this.#alike(number, bytes, at, last.lineBytes);
    if (alike === last?.lineBytes) return last;
    const line = readHeaderLine(bytes, at, at + alike, last);
    if (line === undefined || line.lineBytes > LINE_BYTES_MAX) return line;
    this.#keep(number, bytes, at, line.lineBytes);
    return (this.#headers[number] = line);
  }

  /** How many of the first `length` bytes of a line stand in `bytes` at `at`, too. */
  #alike(number: number, bytes: Buffer, at: number, length: number): number {
    if (this.#view.buffer !== bytes.buffer) this.#view = new DataView(bytes.buffer);
    const kept = this.#bytes;
    const given = this.#view;
    const start = number * LINE_BYTES_MAX;
    const from = bytes.byteOffset + at;
    const end = Math.min(length, bytes.length - at);
    let index = 0;
    while (index + 4 <= end && kept.getInt32(start + index) === given.getInt32(from + index)) index += 4;
    while (index < end && kept.getUint8(start + index) === given.getUint8(from + index)) index += 1;
    return index;
  }

  #keep(number: number, bytes: Buffer, at: number, length: number): void {
    new Uint8Array(this.#bytes.buffer, number * LINE_BYTES_MAX, length).set(bytes.subarray(at, at + length));
  }
}

const LINES_MAX = 32;
/** Longer lines are read each time. */
const LINE_BYTES_MAX = 1_024;
/** Behind the headers. */
const REQUEST_LINE = LINES_MAX;

const lastLines = new LastLines();

function readRequestLine(bytes: Buffer): RequestLine | undefined {
  const method = isAt(bytes, 0, POST_START) ? "POST" : isAt(bytes, 0, GET_START) ? "GET" : undefined;
  if (method === undefined) return undefined;
  const start = method.length + 1;
  let at = start;
  while (IS_PATH[bytes[at]!] === 1) at += 1;
  if (!isAt(bytes, at, VERSION_AND_END)) return undefined;
  return { method, path: bytes.toString("latin1", start, at), lineBytes: at + VERSION_AND_END.length };
}

/**
 * The line that begins at `start`; undefined when it is not plain, or not whole. Up to `from` it is like the line `alike`.
 */
function readHeaderLine(
  bytes: Buffer,
  start: number,
  from: number,
  alike: HeaderLine | undefined,
): HeaderLine | undefined {
  let name: string;
  let valueStart: number;
  let at: number;
  // Within the value, whose first bytes are known to be good.
  if (
    alike !== undefined &&
    from > start + alike.valueOffset &&
    from < start + alike.valueOffset + alike.value.length
  ) {
    name = alike.name;
    valueStart = start + alike.valueOffset;
    at = from;
  } else {
    at = start;
    while (IS_NAME[bytes[at]!] === 1) at += 1;
    if (at === start || bytes[at] !== COLON) return undefined;
    name = bytes.toString("latin1", start, at).toLowerCase();
    at += 1;
    while (isBlank(bytes[at])) at += 1;
    valueStart = at;
  }
  while (IS_VALUE[bytes[at]!] === 1) at += 1;
  if (bytes[at] !== CARRIAGE_RETURN || bytes[at + 1] !== LINE_FEED) return undefined;
  let valueEnd = at;
  while (valueEnd > valueStart && isBlank(bytes[valueEnd - 1])) valueEnd -= 1;
  const value = bytes.toString("latin1", valueStart, valueEnd);
  return { name, value, valueOffset: valueStart - start, lineBytes: at + 2 - start };
}

/** Blanks other than one behind the colon. Of what decides where a request ends, Node's parser does not take all of them. */
function hasMoreBlanks({ name, value, lineBytes }: HeaderLine): boolean {
  return lineBytes > name.length + ": ".length + value.length + "\r\n".length;
}

function isAt(bytes: Uint8Array, at: number, wanted: Uint8Array): boolean {
  for (let index = 0; index < wanted.length; index += 1) {
    if (bytes[at + index] !== wanted[index]) return false;
  }
  return true;
}

function isBlank(code: number | undefined): boolean {
  return code === SPACE || code === TAB;
}

function tableOf(holds: (code: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, code) => (holds(code) ? 1 : 0));
}
