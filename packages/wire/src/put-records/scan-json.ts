/**
 * A quick reader of PutRecord and PutRecords bodies in JSON, as producers write them. It knows fewer documents than the
 * reference decoder and never tells what is wrong with one: whatever it does not know, it leaves to that decoder.
 *
 * It takes an object of `StreamName`, `StreamARN` and `Records`, in any order and with white space, whose records
 * have `Data` in canonical base64 and a `PartitionKey` of printable ASCII, all strings without escapes; of PutRecord one
 * that has the members of its record beside those of the stream.
 */
import { RecordColumns } from "@millrace/model";
import type { DecodedBase64 } from "./decoded-base64.ts";
import { isWithinContract, RECORDS_MAX, ScannedPutRecord, ScannedPutRecords } from "./scanned-input.ts";
import type { NamedStream, ScannedPut } from "./scanned-input.ts";

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const COLON = 0x3a;

/** Names and stream names are shorter; longer keys are refused anyway. */
const PLAIN_LENGTH_MAX = 2_048;

/** The scanned PutRecords request; undefined when the reference decoder has to look at it. */
export function scanPutRecordsJson(body: Buffer, decoded: DecodedBase64): ScannedPut | undefined {
  const scan = new Scan(body, decoded, RECORDS_MAX);
  if (!scan.records() || !isWithinContract(scan.named, scan.columns)) return leave(decoded);
  return new ScannedPutRecords(scan.named, scan.columns, () => decoded.release());
}

/** The same for PutRecord. */
export function scanPutRecordJson(body: Buffer, decoded: DecodedBase64): ScannedPut | undefined {
  const scan = new Scan(body, decoded, 1);
  if (!scan.record() || !isWithinContract(scan.named, scan.columns)) return leave(decoded);
  return new ScannedPutRecord(scan.named, scan.columns, () => decoded.release());
}

function leave(decoded: DecodedBase64): undefined {
  decoded.release();
}

class Scan {
  readonly columns: RecordColumns;
  readonly named: NamedStream = {};
  readonly #body: Buffer;
  readonly #decoded: DecodedBase64;
  #at = 0;
  /** Where the string lies that {@link #plain} found last. */
  #start = 0;
  #end = 0;

  constructor(body: Buffer, decoded: DecodedBase64, capacity: number) {
    this.#body = body;
    this.#decoded = decoded;
    this.columns = new RecordColumns(decoded.texts, decoded.bytes, capacity);
  }

  /** A whole body that is a stream and its records. */
  records(): boolean {
    let hasRecords = false;
    if (this.#next() !== OPEN_BRACE) return false;
    do {
      if (!this.#name()) return false;
      if (this.#isName(RECORDS)) {
        if (hasRecords || !this.#list()) return false;
        hasRecords = true;
      } else if (!this.#stream()) return false;
    } while (this.#more(CLOSE_BRACE));
    return this.#body[this.#at - 1] === CLOSE_BRACE && hasRecords && this.#next() === undefined;
  }

  /** A whole body that is a stream and a record at once. */
  record(): boolean {
    return this.#record(true) && this.#next() === undefined;
  }

  /** The value of the member that names the stream, whose name was found last. */
  #stream(): boolean {
    const isName = this.#isName(STREAM_NAME);
    if (!isName && !this.#isName(STREAM_ARN)) return false;
    const member = isName ? "StreamName" : "StreamARN";
    if (this.named[member] !== undefined || !this.#plain()) return false;
    this.named[member] = this.#body.toString("latin1", this.#start, this.#end);
    return true;
  }

  #list(): boolean {
    if (this.#next() !== OPEN_BRACKET) return false;
    do {
      if (this.columns.count === RECORDS_MAX || !this.#record(false)) return false;
    } while (this.#more(CLOSE_BRACKET));
    return this.#body[this.#at - 1] === CLOSE_BRACKET;
  }

  #record(namesStream: boolean): boolean {
    let keyStart = -1;
    let keyEnd = -1;
    let dataStart = -1;
    let dataEnd = -1;
    if (this.#next() !== OPEN_BRACE) return false;
    do {
      if (!this.#name()) return false;
      if (this.#isName(DATA)) {
        if (dataEnd >= 0) return false;
        if (this.#next() !== QUOTE) return false;
        dataStart = this.#at;
        dataEnd = this.#data();
        if (dataEnd < 0) return false;
      } else if (this.#isName(PARTITION_KEY)) {
        if (keyEnd >= 0 || !this.#plain()) return false;
        keyStart = this.#start;
        keyEnd = this.#end;
      } else if (!namesStream || !this.#stream()) return false;
    } while (this.#more(CLOSE_BRACE));
    if (this.#body[this.#at - 1] !== CLOSE_BRACE || keyEnd < 0 || dataEnd < 0) return false;
    this.columns.add(keyStart, keyEnd, dataStart, dataEnd);
    return true;
  }

  /** What is left of a string of base64: where the bytes end that it comes to, or -1. */
  #data(): number {
    const start = this.#at;
    const length = this.#decoded.decode(start);
    this.#at = this.#decoded.end + 1;
    return length < 0 || this.#body[this.#decoded.end] !== QUOTE ? -1 : start + length;
  }

  #name(): boolean {
    return this.#plain() && this.#next() === COLON;
  }

  /** A string of printable ASCII without escapes. */
  #plain(): boolean {
    if (this.#next() !== QUOTE) return false;
    const body = this.#body;
    const start = this.#at;
    const limit = Math.min(body.length, start + PLAIN_LENGTH_MAX);
    for (let at = start; at < limit; at += 1) {
      const byte = body[at]!;
      if (byte === QUOTE) {
        this.#start = start;
        this.#end = at;
        this.#at = at + 1;
        return true;
      }
      if (byte < 0x20 || byte > 0x7e || byte === BACKSLASH) return false;
    }
    return false;
  }

  #isName(name: Uint8Array): boolean {
    if (this.#end - this.#start !== name.length) return false;
    for (let i = 0; i < name.length; i += 1) {
      if (this.#body[this.#start + i] !== name[i]) return false;
    }
    return true;
  }

  /** Takes what stands between two elements: true before another one. */
  #more(close: number): boolean {
    const byte = this.#next();
    return byte === COMMA || (byte !== close && this.#fail());
  }

  /** Puts the reader where no document goes on. */
  #fail(): false {
    this.#at = this.#body.length + 1;
    return false;
  }

  /** Takes the next byte that is no white space; undefined at the end. */
  #next(): number | undefined {
    const body = this.#body;
    for (;;) {
      const byte = body[this.#at];
      this.#at += 1;
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return byte;
    }
  }
}

const RECORDS = Buffer.from("Records");
const STREAM_NAME = Buffer.from("StreamName");
const STREAM_ARN = Buffer.from("StreamARN");
const DATA = Buffer.from("Data");
const PARTITION_KEY = Buffer.from("PartitionKey");
