/** How an aggregated record is laid out: magic, a message of protocol buffers, and its MD5. */

export const AGGREGATE_MAGIC: Uint8Array = Uint8Array.of(0xf3, 0x89, 0x9a, 0xc2);
export const MD5_BYTES = 16;

/** Tags of the fields: number and wire type. */
export const PARTITION_KEY_TABLE = (1 << 3) | 2;
export const EXPLICIT_HASH_KEY_TABLE = (2 << 3) | 2;
export const RECORDS = (3 << 3) | 2;
export const PARTITION_KEY_INDEX = 1 << 3;
export const EXPLICIT_HASH_KEY_INDEX = 2 << 3;
export const DATA = (3 << 3) | 2;

/** A field of `length` bytes with its tag and its length. */
export function fieldBytes(length: number): number {
  return 1 + varintBytes(length) + length;
}

export function varintBytes(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  return 4;
}

/** Values stay under 2^28: a record has at most 10 MiB. */
export function writeVarint(bytes: Uint8Array, start: number, value: number): number {
  let at = start;
  let left = value;
  while (left >= 0x80) {
    bytes[at] = (left & 0x7f) | 0x80;
    at += 1;
    left >>>= 7;
  }
  bytes[at] = left;
  return at + 1;
}
