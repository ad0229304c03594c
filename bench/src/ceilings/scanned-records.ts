/**
 * Where the records of a PutRecords body lie, found in one pass over its bytes and kept in arrays that are used
 * again: the least that a server has to do before it can hash a key. Only what load generators and AWS clients
 * send is understood; anything else throws, so that a ceiling never counts what it did not read.
 */

/** "Up to 500 records per request" (API reference of PutRecords). */
const RECORD_COUNT_MAX = 500;

export class ScannedRecords {
  count = 0;
  readonly dataStarts = new Int32Array(RECORD_COUNT_MAX);
  readonly dataEnds = new Int32Array(RECORD_COUNT_MAX);
  readonly keyStarts = new Int32Array(RECORD_COUNT_MAX);
  readonly keyEnds = new Int32Array(RECORD_COUNT_MAX);
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** Finds the records of a JSON body without insignificant space. Data are ranges of base64, keys of UTF-8. */
export function scanJson(body: Buffer, records: ScannedRecords): void {
  records.count = 0;
  let at = expect(body, 0, OPEN_OBJECT);
  for (;;) {
    const nameStart = expect(body, at, QUOTE);
    const nameEnd = endOfText(body, nameStart);
    at = expect(body, nameEnd + 1, COLON);
    // "Records" is the one member whose name has seven letters and whose value is a list.
    at =
      nameEnd - nameStart === 7 && body[at] === OPEN_LIST
        ? scanJsonList(body, at + 1, records)
        : endOfText(body, expect(body, at, QUOTE)) + 1;
    if (body[at] === CLOSE_OBJECT) break;
    at = expect(body, at, COMMA);
  }
  if (at !== body.length - 1) throw unexpected(body, at + 1);
}

function scanJsonList(body: Buffer, start: number, records: ScannedRecords): number {
  const { dataStarts, dataEnds, keyStarts, keyEnds } = records;
  let at = start;
  for (let index = 0; ; index += 1) {
    if (index === RECORD_COUNT_MAX) throw new Error(`a body of more than ${RECORD_COUNT_MAX} records`);
    at = expect(body, at, OPEN_OBJECT);
    let members = 0;
    for (;;) {
      const nameStart = expect(body, at, QUOTE);
      if (body[nameStart] === 0x44 && body[nameStart + 4] === QUOTE) {
        // Data
        const valueStart = expect(body, expect(body, nameStart + 5, COLON), QUOTE);
        const valueEnd = body.indexOf(QUOTE, valueStart);
        if (valueEnd < 0) throw unexpected(body, valueStart);
        dataStarts[index] = valueStart;
        dataEnds[index] = valueEnd;
        members += 1;
        at = valueEnd + 1;
      } else if (body[nameStart] === 0x50 && body[nameStart + 12] === QUOTE) {
        // PartitionKey
        const valueStart = expect(body, expect(body, nameStart + 13, COLON), QUOTE);
        const valueEnd = endOfText(body, valueStart);
        keyStarts[index] = valueStart;
        keyEnds[index] = valueEnd;
        members += 1;
        at = valueEnd + 1;
      } else throw unexpected(body, nameStart);
      if (body[at] === CLOSE_OBJECT) break;
      at = expect(body, at, COMMA);
    }
    if (members !== 2) throw unexpected(body, at);
    records.count = index + 1;
    at += 1;
    if (body[at] === CLOSE_LIST) return at + 1;
    at = expect(body, at, COMMA);
  }
}

function expect(body: Buffer, at: number, byte: number): number {
  if (body[at] !== byte) throw unexpected(body, at);
  return at + 1;
}

/** Where a short text without escapes ends. A call of `indexOf` costs more than these few bytes. */
function endOfText(body: Buffer, start: number): number {
  let at = start;
  for (; body[at] !== QUOTE; at += 1) {
    if (body[at] === BACKSLASH || at >= body.length) throw unexpected(body, at);
  }
  return at;
}

function unexpected(body: Buffer, at: number): Error {
  return new Error(
    `not a body that the ceiling reads, from byte ${at}: ${body.toString("latin1", at, at + 40)}`,
  );
}

const BYTES_TYPE = 2;
const TEXT_TYPE = 3;
const LIST_TYPE = 4;
const MAP_TYPE = 5;
const BREAK = 0xff;
const INDEFINITE = -1;

/** Finds the records of a CBOR body whose strings are of definite length, as AWS clients send them. */
export function scanCbor(body: Buffer, records: ScannedRecords): void {
  const { dataStarts, dataEnds, keyStarts, keyEnds } = records;
  records.count = 0;
  let at = 0;

  const head = (type: number): number => {
    const initial = body[at]!;
    if (initial >> 5 !== type) throw unexpectedItem(body, at);
    const info = initial & 0x1f;
    at += 1;
    if (info < 24) return info;
    switch (info) {
      case 24:
        at += 1;
        return body[at - 1]!;
      case 25:
        at += 2;
        return (body[at - 2]! << 8) | body[at - 1]!;
      case 26:
        at += 4;
        return body.readUInt32BE(at - 4);
      case 31:
        return INDEFINITE;
      default:
        throw unexpectedItem(body, at - 1);
    }
  };
  /** Whether another element follows in a list or map of `length`, of which `read` have been read. */
  const more = (length: number, read: number): boolean => {
    if (length !== INDEFINITE) return read < length;
    if (body[at] !== BREAK) return true;
    at += 1;
    return false;
  };
  const text = (type: number): number => {
    const length = head(type);
    if (length === INDEFINITE || at + length > body.length) throw unexpectedItem(body, at);
    at += length;
    return length;
  };

  const members = head(MAP_TYPE);
  for (let member = 0; more(members, member); member += 1) {
    // "Records" is the one member whose name has seven letters and whose value is a list.
    const nameLength = text(TEXT_TYPE);
    if (nameLength !== 7 || body[at]! >> 5 !== LIST_TYPE) {
      text(TEXT_TYPE);
      continue;
    }
    const listed = head(LIST_TYPE);
    for (let index = 0; more(listed, index); index += 1) {
      if (index === RECORD_COUNT_MAX) throw new Error(`a body of more than ${RECORD_COUNT_MAX} records`);
      const fields = head(MAP_TYPE);
      let read = 0;
      for (; more(fields, read); read += 1) {
        const fieldLength = text(TEXT_TYPE);
        if (fieldLength === 4) {
          const length = text(BYTES_TYPE);
          dataStarts[index] = at - length;
          dataEnds[index] = at;
        } else if (fieldLength === 12) {
          const length = text(TEXT_TYPE);
          keyStarts[index] = at - length;
          keyEnds[index] = at;
        } else throw unexpectedItem(body, at);
      }
      if (read !== 2) throw unexpectedItem(body, at);
      records.count = index + 1;
    }
  }
  if (at !== body.length) throw unexpectedItem(body, at);
}

function unexpectedItem(body: Buffer, at: number): Error {
  return new Error(
    `not a body that the ceiling reads, from byte ${at}: ${body.toString("hex", at, at + 20)}`,
  );
}
