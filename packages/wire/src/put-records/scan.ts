import type { Operation } from "@millrace/api";
import { PutRecord, PutRecords } from "@millrace/api";
import { BytePool } from "@millrace/runtime";
import { asBuffer } from "../byte-writer.ts";
import type { FormatName } from "../formats.ts";
import { Base64Memory } from "./base64-memory.ts";
import { NativeBase64 } from "./decoded-base64.ts";
import { scanPutRecordCbor, scanPutRecordsCbor } from "./scan-cbor.ts";
import { scanPutRecordJson, scanPutRecordsJson } from "./scan-json.ts";
import type { ScannedPut } from "./scanned-input.ts";

/**
 * The quick way in, for the operations that carry most bytes. It is beside the reference decoder, not instead of it: what it
 * takes, that one would have decoded to the same, without a violation; what it does not take is left to it.
 */
export class QuickDecoder {
  readonly #createMemory: () => Base64Memory | undefined;
  /** Made for the first request that needs them. */
  #decoding: Decoding | undefined;

  constructor(createMemory: () => Base64Memory | undefined = () => Base64Memory.create("own")) {
    this.#createMemory = createMemory;
  }

  /** The input that a body carries, which is given back with {@link ScannedPut.release}. */
  decode(operation: Operation, format: FormatName, body: Uint8Array): ScannedPut | undefined {
    const isOne = operation.name === PutRecord.name;
    if (!isOne && operation.name !== PutRecords.name) return undefined;
    const bytes = asBuffer(body);
    if (format === "cbor") return isOne ? scanPutRecordCbor(bytes) : scanPutRecordsCbor(bytes);
    const { memory, pool } = (this.#decoding ??= decodingIn(this.#createMemory()));
    const decoded = memory?.copyOf(bytes) ?? new NativeBase64(bytes, pool);
    return isOne ? scanPutRecordJson(bytes, decoded) : scanPutRecordsJson(bytes, decoded);
  }
}

/** Where base64 is decoded. What does not fit into the memory any more lies in fresh memory. */
interface Decoding {
  readonly memory: Base64Memory | undefined;
  readonly pool: BytePool;
}

function decodingIn(memory: Base64Memory | undefined): Decoding {
  return { memory, pool: memory === undefined ? new BytePool() : new BytePool({ idleBytesMax: 0 }) };
}
