import type { Operation } from "@millrace/api";
import { PutRecords } from "@millrace/api";
import { BytePool } from "../byte-pool.ts";
import { asBuffer } from "../byte-writer.ts";
import type { FormatName } from "../formats.ts";
import { scanPutRecordsCbor } from "./scan-cbor.ts";
import { scanPutRecordsJson } from "./scan-json.ts";
import type { ScannedPutRecords } from "./scanned-input.ts";

/**
 * The quick way in, for the operation that carries most bytes. It is beside the reference decoder, not instead of it: what it
 * takes, that one would have decoded to the same, without a violation; what it does not take is left to it.
 */
export class QuickDecoder {
  readonly #pool = new BytePool();

  /** The input that a body carries, which is given back with {@link ScannedPutRecords.release}. */
  decode(operation: Operation, format: FormatName, body: Uint8Array): ScannedPutRecords | undefined {
    if (operation.name !== PutRecords.name) return undefined;
    const bytes = asBuffer(body);
    return format === "json" ? scanPutRecordsJson(bytes, this.#pool) : scanPutRecordsCbor(bytes);
  }
}
