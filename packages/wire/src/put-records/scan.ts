import type { Operation } from "@millrace/api";
import { PutRecords } from "@millrace/api";
import { BytePool } from "@millrace/runtime";
import { asBuffer } from "../byte-writer.ts";
import type { FormatName } from "../formats.ts";
import { Base64Memory } from "./base64-memory.ts";
import { NativeBase64 } from "./decoded-base64.ts";
import { scanPutRecordsCbor } from "./scan-cbor.ts";
import { scanPutRecordsJson } from "./scan-json.ts";
import type { ScannedPutRecords } from "./scanned-input.ts";

/**
 * The quick way in, for the operation that carries most bytes. It is beside the reference decoder, not instead of it: what it
 * takes, that one would have decoded to the same, without a violation; what it does not take is left to it.
 */
export class QuickDecoder {
  readonly #createMemory: () => Base64Memory | undefined;
  /** Made for the first request that needs them. */
  #decoding: Decoding | undefined;

  constructor(createMemory: () => Base64Memory | undefined = () => Base64Memory.create("own")) {
    this.#createMemory = createMemory;
  }

  /** The input that a body carries, which is given back with {@link ScannedPutRecords.release}. */
  decode(operation: Operation, format: FormatName, body: Uint8Array): ScannedPutRecords | undefined {
    if (operation.name !== PutRecords.name) return undefined;
    const bytes = asBuffer(body);
    if (format === "cbor") return scanPutRecordsCbor(bytes);
    const { memory, pool } = (this.#decoding ??= decodingIn(this.#createMemory()));
    return scanPutRecordsJson(bytes, memory?.copyOf(bytes) ?? new NativeBase64(bytes, pool));
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
