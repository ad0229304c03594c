import { kinesis, PutRecords } from "@millrace/api";
import { RecordColumns } from "@millrace/model";
import type { WireRequest } from "../exchange.ts";
import { formatOf, mediaTypeOf } from "../formats.ts";
import { BytePool, copierOf, isShared, sharedBytes } from "@millrace/runtime";
import { Base64Memory } from "../put-records/base64-memory.ts";
import { QuickDecoder } from "../put-records/scan.ts";
import { recordColumnsOf, ScannedPut } from "../put-records/scanned-input.ts";
import type { CarriedRecords } from "./messages.ts";

const TARGET = `${kinesis.targetPrefix}.${PutRecords.name}`;

/** Shared memory has to be asked of the system, so that even little of it is worth keeping. */
const SHARED_BYTES_MIN = 256;

export interface FoundRecords {
  readonly records: CarriedRecords;
  /** Says that nobody looks at the records any more. */
  release(): void;
}

/** Finds the records of PutRecords in bodies, and puts them where other threads see them. */
export class RecordFinder {
  readonly #decoder = new QuickDecoder(() => Base64Memory.create("shared"));
  readonly #shared = new BytePool({
    allocate: sharedBytes,
    pooledBytesMin: SHARED_BYTES_MIN,
  });

  /** Undefined for every other request, and for one that the decoder of the contract has to look at. */
  find({ method, headers, body }: WireRequest): FoundRecords | undefined {
    if (method !== "POST" || headers["x-amz-target"] !== TARGET || body.length === 0) return undefined;
    const format = formatOf(mediaTypeOf(headers["content-type"]));
    if (format === undefined) return undefined;
    const scanned = this.#decoder.decode(PutRecords, format.name, body);
    const columns = scanned && recordColumnsOf(scanned);
    if (columns === undefined) return undefined;
    const { StreamName: streamName, StreamARN: streamArn } = scanned as ScannedPut;
    const named = {
      ...(streamName === undefined ? {} : { streamName }),
      ...(streamArn === undefined ? {} : { streamArn }),
    };
    const { keys, data, ranges } = columns;
    if (isShared(keys) && isShared(data)) {
      return { records: { ...named, keys, data, ranges }, release: () => ScannedPut.release(scanned) };
    }
    const copy = this.#share(columns);
    ScannedPut.release(scanned);
    return {
      records: { ...named, keys: copy.bytes, data: copy.bytes, ranges: copy.ranges },
      release: () => this.#shared.give(copy.bytes),
    };
  }

  #share(columns: RecordColumns): { bytes: Buffer; ranges: Int32Array } {
    let sizeBytes = 0;
    for (let index = 0; index < columns.count; index += 1) sizeBytes += columns.sizeOf(index);
    const bytes = this.#shared.take(sizeBytes);
    const shared = new RecordColumns(bytes, bytes, columns.count);
    const { keys, data } = columns;
    const copy = copierOf(bytes);
    let at = 0;
    const put = (from: Uint8Array, start: number, end: number) => {
      copy(bytes, at, from.subarray(start, end));
      at += end - start;
    };
    for (let index = 0; index < columns.count; index += 1) {
      const keyStart = at;
      put(keys, columns.keyStart(index), columns.keyEnd(index));
      const dataStart = at;
      put(data, columns.dataStart(index), columns.dataEnd(index));
      shared.add(keyStart, dataStart, dataStart, at);
    }
    return { bytes, ranges: shared.ranges };
  }
}
