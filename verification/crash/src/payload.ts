/**
 * Records that prove themselves: the whole content follows from who sent it (a producer, which never sends
 * two at a time) and its ordinal there, so that a reader recognises every changed, cut or mixed-up byte.
 *
 * ```
 * "MRCR" | producer u32 | ordinal u32 | size u32 | filler up to size
 * ```
 */
import { seededRandom } from "@millrace/runtime";

export interface RecordName {
  readonly producer: number;
  readonly ordinal: number;
}

export const SIZE_BYTES_MIN = 16;
/** Largest record of a stream as it is created. With its key it must stay within 1 MiB. */
export const SIZE_BYTES_MAX = 1_000_000;

const MAGIC = 0x4d524352;
const POOL = Buffer.from(seededRandom(1).bytes(2 * SIZE_BYTES_MAX));

export function keyOf({ producer, ordinal }: RecordName): string {
  return `${producer}/${ordinal}`;
}

export function dataOf(name: RecordName, sizeBytes: number): Buffer {
  const data = Buffer.allocUnsafe(sizeBytes);
  data.writeUInt32BE(MAGIC, 0);
  data.writeUInt32BE(name.producer, 4);
  data.writeUInt32BE(name.ordinal, 8);
  data.writeUInt32BE(sizeBytes, 12);
  const from = fillerOffset(name);
  POOL.copy(data, SIZE_BYTES_MIN, from, from + sizeBytes - SIZE_BYTES_MIN);
  return data;
}

/** Who sent this, or what is wrong with it. */
export function readPayload(
  bytes: Uint8Array,
  partitionKey: string | undefined,
): RecordName | { readonly torn: string } {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (data.length < SIZE_BYTES_MIN) return { torn: `only ${data.length} bytes` };
  if (data.readUInt32BE(0) !== MAGIC) return { torn: `begins with ${data.toString("hex", 0, 4)}` };
  const name = { producer: data.readUInt32BE(4), ordinal: data.readUInt32BE(8) };
  const sizeBytes = data.readUInt32BE(12);
  if (sizeBytes !== data.length) return { torn: `${data.length} bytes in place of ${sizeBytes}` };
  const from = fillerOffset(name);
  const differs =
    POOL.compare(data, SIZE_BYTES_MIN, sizeBytes, from, from + sizeBytes - SIZE_BYTES_MIN) !== 0;
  if (differs) return { torn: `the content of ${keyOf(name)} differs from what was sent` };
  if (partitionKey !== keyOf(name))
    return { torn: `the key ${partitionKey} with the content of ${keyOf(name)}` };
  return name;
}

function fillerOffset({ producer, ordinal }: RecordName): number {
  return (producer * 7919 + ordinal * 104_729) % SIZE_BYTES_MAX;
}
