/**
 * A shard iterator: where a reader stands in a shard of one incarnation of a stream, until when. Opaque to
 * clients, at most 248 characters, impossible to forge. The payload behind the MAC (see `sealed-token.ts`):
 *
 * ```
 * iterator => version:u8=1  incarnation:8 bytes  shard_index:u32  entry_index:u64  record_index:u32
 *             created_ms:u64  expires_ms:u64  stream_name:1 to 128 bytes
 * ```
 *
 * Integers are big-endian.
 */
import { openToken, sealToken } from "./sealed-token.ts";

/** The next record of a shard that its reader wants. */
export interface ShardPosition {
  readonly entryIndex: number;
  readonly recordIndex: number;
}

export interface ShardIterator {
  /** 16 hexadecimal digits that name one life of a stream: a stream made again under its name has others. */
  readonly incarnation: string;
  /** Only for messages about a stream that is gone; which stream is meant is the incarnation's to say. */
  readonly streamName: string;
  readonly shardIndex: number;
  readonly position: ShardPosition;
  /** Service time, milliseconds. */
  readonly createdMs: number;
  readonly expiresMs: number;
}

const VERSION = 1;
const PURPOSE = "shard iterator";
const FIXED_BYTES = 1 + 8 + 4 + 8 + 4 + 8 + 8;
const NAME_LENGTH_MAX = 128;

export function sealIterator(secret: Uint8Array, iterator: ShardIterator): string {
  const payload = Buffer.alloc(FIXED_BYTES + iterator.streamName.length);
  payload.writeUInt8(VERSION, 0);
  payload.write(iterator.incarnation, 1, 8, "hex");
  payload.writeUInt32BE(iterator.shardIndex, 9);
  writeUInt64(payload, iterator.position.entryIndex, 13);
  payload.writeUInt32BE(iterator.position.recordIndex, 21);
  writeUInt64(payload, Math.floor(iterator.createdMs), 25);
  writeUInt64(payload, Math.floor(iterator.expiresMs), 33);
  payload.write(iterator.streamName, FIXED_BYTES, "latin1");
  return sealToken(secret, PURPOSE, payload);
}

/**
 * Reads an iterator that {@link sealIterator} made with this secret; undefined for any other text. Whether it
 * has expired is for the caller to say. The service also takes an iterator wrapped in double quotes (recorded
 * by LocalStack), so this does too.
 */
export function openIterator(secret: Uint8Array, text: string): ShardIterator | undefined {
  const bare = text.length >= 2 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text;
  const opened = openToken(secret, PURPOSE, bare);
  if (opened === undefined || opened[0] !== VERSION) return undefined;
  if (opened.length <= FIXED_BYTES || opened.length > FIXED_BYTES + NAME_LENGTH_MAX) return undefined;
  const payload = Buffer.from(opened.buffer, opened.byteOffset, opened.byteLength);
  return {
    incarnation: payload.toString("hex", 1, 9),
    streamName: payload.toString("latin1", FIXED_BYTES),
    shardIndex: payload.readUInt32BE(9),
    position: { entryIndex: readUInt64(payload, 13), recordIndex: payload.readUInt32BE(21) },
    createdMs: readUInt64(payload, 25),
    expiresMs: readUInt64(payload, 33),
  };
}

function writeUInt64(target: Buffer, value: number, offset: number): void {
  target.writeUInt32BE(Math.floor(value / 2 ** 32), offset);
  target.writeUInt32BE(value % 2 ** 32, offset + 4);
}

function readUInt64(source: Buffer, offset: number): number {
  return source.readUInt32BE(offset) * 2 ** 32 + source.readUInt32BE(offset + 4);
}
