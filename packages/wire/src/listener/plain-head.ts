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

const POST_START = "POST /";
const GET_START = "GET /";
const HEAD_END = "\r\n\r\n";
const VERSION = " HTTP/1.1\r\n";

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
  const lastLineEnd = bytes.indexOf(HEAD_END);
  const headBytes = lastLineEnd + HEAD_END.length;
  if (lastLineEnd < 0 || headBytes > headBytesMax) return undefined;
  // With the end of its last line, and so that every loop below ends at a carriage return.
  const text = bytes.toString("latin1", 0, lastLineEnd + 2);
  const start = text.startsWith(POST_START) ? POST_START : text.startsWith(GET_START) ? GET_START : undefined;
  if (start === undefined) return undefined;
  let at = start.length;
  while (IS_PATH[text.charCodeAt(at)] === 1) at += 1;
  if (!text.startsWith(VERSION, at)) return undefined;
  const path = text.slice(start.length - 1, at);
  at += VERSION.length;

  const headers: Record<string, string> = {};
  let bodyBytes = 0;
  while (at < text.length) {
    const nameStart = at;
    while (IS_NAME[text.charCodeAt(at)] === 1) at += 1;
    if (at === nameStart || text.charCodeAt(at) !== COLON) return undefined;
    const name = text.slice(nameStart, at).toLowerCase();
    at += 1;
    while (isBlank(text.charCodeAt(at))) at += 1;
    const valueStart = at;
    while (IS_VALUE[text.charCodeAt(at)] === 1) at += 1;
    if (text.charCodeAt(at) !== CARRIAGE_RETURN || text.charCodeAt(at + 1) !== LINE_FEED) return undefined;
    let valueEnd = at;
    while (valueEnd > valueStart && isBlank(text.charCodeAt(valueEnd - 1))) valueEnd -= 1;
    at += 2;
    // Repeated headers have rules of their own; so has what any object has under the name.
    if (SPECIAL.has(name) || headers[name] !== undefined) return undefined;
    const value = text.slice(valueStart, valueEnd);
    if (name === "content-length") {
      if (!/^\d{1,15}$/.test(value)) return undefined;
      bodyBytes = Number(value);
    } else if (name === "connection" && value.toLowerCase() !== "keep-alive") {
      return undefined;
    }
    headers[name] = value;
  }
  if (headers["host"] === undefined) return undefined;
  return { method: start === POST_START ? "POST" : "GET", path, headers, headBytes, bodyBytes };
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}

function tableOf(holds: (code: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, code) => (holds(code) ? 1 : 0));
}
