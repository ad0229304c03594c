/**
 * A quick reader of PutRecord and PutRecords bodies in CBOR, as the AWS SDKs for Java write them. Like its sibling for JSON it leaves
 * to the reference decoder whatever it does not know: tags, texts in pieces, blobs as text, other members, keys outside ASCII.
 * Data is not copied: it is where it lies in the body.
 */
import { RecordColumns } from "@millrace/model";
import { isWithinContract, RECORDS_MAX, ScannedPutRecord, ScannedPutRecords } from "./scanned-input.ts";
import type { NamedStream, ScannedPut } from "./scanned-input.ts";

const BREAK = 0xff;
const INDEFINITE = -1;

/** Major types (RFC 8949 §3.1). */
const MAJOR = { bytes: 2, text: 3, list: 4, map: 5 } as const;

/** The scanned PutRecords request; undefined when the reference decoder has to look at it. */
export function scanPutRecordsCbor(body: Buffer): ScannedPut | undefined {
  const scan = new Scan(body, RECORDS_MAX);
  if (!scan.records() || !isWithinContract(scan.named, scan.columns)) return undefined;
  return new ScannedPutRecords(scan.named, scan.columns, nothingToRelease);
}

/** The same for PutRecord. */
export function scanPutRecordCbor(body: Buffer): ScannedPut | undefined {
  const scan = new Scan(body, 1);
  if (!scan.record() || !isWithinContract(scan.named, scan.columns)) return undefined;
  return new ScannedPutRecord(scan.named, scan.columns, nothingToRelease);
}

function nothingToRelease(): void {}

class Scan {
  readonly columns: RecordColumns;
  readonly named: NamedStream = {};
  readonly #body: Buffer;
  #at = 0;
  /** The argument of the head that was read last: a length, a count, or {@link INDEFINITE}. */
  #argument = 0;
  /** Where the string lies that was read last. */
  #start = 0;
  #end = 0;

  constructor(body: Buffer, capacity: number) {
    this.#body = body;
    this.columns = new RecordColumns(body, body, capacity);
  }

  /** A whole body that is a stream and its records. */
  records(): boolean {
    let hasRecords = false;
    if (!this.#head(MAJOR.map)) return false;
    for (let left = this.#argument; this.#isMore(left); left -= 1) {
      if (!this.#text()) return false;
      if (this.#isName(RECORDS)) {
        if (hasRecords || !this.#list()) return false;
        hasRecords = true;
      } else if (!this.#stream()) return false;
    }
    return hasRecords && this.#at === this.#body.length;
  }

  /** A whole body that is a stream and a record at once. */
  record(): boolean {
    return this.#record(true) && this.#at === this.#body.length;
  }

  /** The value of the member that names the stream, whose name was found last. */
  #stream(): boolean {
    const isName = this.#isName(STREAM_NAME);
    if (!isName && !this.#isName(STREAM_ARN)) return false;
    const member = isName ? "StreamName" : "StreamARN";
    if (this.named[member] !== undefined || !this.#text()) return false;
    this.named[member] = this.#body.toString("latin1", this.#start, this.#end);
    return true;
  }

  #list(): boolean {
    if (!this.#head(MAJOR.list)) return false;
    for (let left = this.#argument; this.#isMore(left); left -= 1) {
      if (this.columns.count === RECORDS_MAX || !this.#record(false)) return false;
    }
    return true;
  }

  #record(namesStream: boolean): boolean {
    let keyStart = -1;
    let keyEnd = -1;
    let dataStart = -1;
    let dataEnd = -1;
    if (!this.#head(MAJOR.map)) return false;
    for (let left = this.#argument; this.#isMore(left); left -= 1) {
      if (!this.#text()) return false;
      if (this.#isName(DATA)) {
        if (dataEnd >= 0 || !this.#string(MAJOR.bytes)) return false;
        dataStart = this.#start;
        dataEnd = this.#end;
      } else if (this.#isName(PARTITION_KEY)) {
        if (keyEnd >= 0 || !this.#text()) return false;
        keyStart = this.#start;
        keyEnd = this.#end;
      } else if (!namesStream || !this.#stream()) return false;
    }
    if (keyEnd < 0 || dataEnd < 0) return false;
    this.columns.add(keyStart, keyEnd, dataStart, dataEnd);
    return true;
  }

  /** Whether another element follows, of which a definite list has `left`; takes the end of an indefinite one. */
  #isMore(left: number): boolean {
    if (left >= 0) return left > 0;
    if (this.#body[this.#at] !== BREAK) return true;
    this.#at += 1;
    return false;
  }

  /** A definite text of printable ASCII. */
  #text(): boolean {
    if (!this.#string(MAJOR.text)) return false;
    const body = this.#body;
    for (let at = this.#start; at < this.#end; at += 1) {
      const byte = body[at]!;
      if (byte < 0x20 || byte > 0x7e) return false;
    }
    return true;
  }

  #string(major: number): boolean {
    if (!this.#head(major) || this.#argument === INDEFINITE) return false;
    this.#start = this.#at;
    this.#end = this.#at + this.#argument;
    this.#at = this.#end;
    return this.#end <= this.#body.length;
  }

  /** A head of the given major type. */
  #head(major: number): boolean {
    const body = this.#body;
    const initial = body[this.#at];
    if (initial === undefined || initial >> 5 !== major) return false;
    const information = initial & 0x1f;
    const at = this.#at + 1;
    if (information < 24) {
      this.#argument = information;
      this.#at = at;
      return true;
    }
    if (information === 31) {
      this.#argument = INDEFINITE;
      this.#at = at;
      return true;
    }
    const width = information === 24 ? 1 : information === 25 ? 2 : information === 26 ? 4 : 0;
    if (width === 0 || at + width > body.length) return false;
    this.#argument = body.readUIntBE(at, width);
    this.#at = at + width;
    return true;
  }

  #isName(name: Uint8Array): boolean {
    if (this.#end - this.#start !== name.length) return false;
    for (let i = 0; i < name.length; i += 1) {
      if (this.#body[this.#start + i] !== name[i]) return false;
    }
    return true;
  }
}

const RECORDS = Buffer.from("Records");
const STREAM_NAME = Buffer.from("StreamName");
const STREAM_ARN = Buffer.from("StreamARN");
const DATA = Buffer.from("Data");
const PARTITION_KEY = Buffer.from("PartitionKey");
