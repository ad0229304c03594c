/**
 * What stands in the stream of a log group. All of it is written by {@link GroupLog}, and read by every gateway.
 *
 * ```
 * message => crc32:u32 (of all that follows)  kind:u8  reserved:u8=0  part:u16  part_count:u16  record_count:u16
 *            session:8 bytes  number:u64  log_id:u64  index:u64  arrival_ms:f64  payload:bytes
 * ```
 *
 * Integers are little-endian. An *entry* holds records of one shard log, in the codec of all engines; a large one is parts at
 * consecutive sequences, stored as one atomic batch. A *close* ends a log: `index` is the one that its next entry would have
 * got. A *nothing* holds nothing: that it was stored proves that what came before it is known.
 */
import { crc32 } from "node:zlib";
import type { ShardLogId } from "@millrace/log";
import { DamagedMessageError } from "../state/message-codec.ts";

export interface GroupMessage {
  readonly kind: "entry" | "close" | "nothing";
  /** Who wrote it, and the how manieth that was: how a gateway finds what it wrote. */
  readonly session: string;
  readonly number: number;
  readonly logId: ShardLogId;
  readonly index: number;
  readonly arrivalMs: number;
  readonly recordCount: number;
  readonly part: number;
  readonly partCount: number;
  readonly payload: Buffer;
}

const HEADER_BYTES = 52;
const KINDS = ["entry", "close", "nothing"] as const;
/** A message is at most 2 MiB in a cluster that passes the checks. */
export const PART_BYTES_MAX = 1 << 20;

export function encodeGroupMessage(message: GroupMessage): Buffer {
  return writeGroupMessage(message, message.payload.length, (bytes, at) => bytes.set(message.payload, at));
}

/** The same for one whose payload is written to its place at once, rather than copied there. */
export function writeGroupMessage(
  message: Omit<GroupMessage, "payload">,
  payloadBytes: number,
  writePayload: (bytes: Buffer, at: number) => void,
): Buffer {
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + payloadBytes);
  bytes[4] = KINDS.indexOf(message.kind);
  bytes[5] = 0;
  bytes.writeUInt16LE(message.part, 6);
  bytes.writeUInt16LE(message.partCount, 8);
  bytes.writeUInt16LE(message.recordCount, 10);
  bytes.write(message.session, 12, 8, "hex");
  bytes.writeBigUInt64LE(BigInt(message.number), 20);
  bytes.writeBigUInt64LE(BigInt(message.logId), 28);
  bytes.writeBigUInt64LE(BigInt(message.index), 36);
  bytes.writeDoubleLE(message.arrivalMs, 44);
  writePayload(bytes, HEADER_BYTES);
  bytes.writeUInt32LE(crc32(bytes.subarray(4)), 0);
  return bytes;
}

/** @throws {DamagedMessageError} when it is not what was written. */
export function decodeGroupMessage(message: Uint8Array, where: string): GroupMessage {
  const bytes = Buffer.from(message.buffer, message.byteOffset, message.byteLength);
  if (bytes.length < HEADER_BYTES || bytes.readUInt32LE(0) !== crc32(bytes.subarray(4))) {
    throw new DamagedMessageError(`${where} does not have the checksum that it was written with`);
  }
  return fieldsOf(bytes, where);
}

/** A message that this gateway has just made itself: nobody can have damaged it. */
export function ownGroupMessage(message: Uint8Array): GroupMessage {
  return fieldsOf(
    Buffer.from(message.buffer, message.byteOffset, message.byteLength),
    "an entry just written",
  );
}

function fieldsOf(bytes: Buffer, where: string): GroupMessage {
  const kind = KINDS[bytes[4]!];
  if (kind === undefined)
    throw new DamagedMessageError(`${where} is of kind ${bytes[4]}, which this version does not know`);
  return {
    kind,
    session: bytes.toString("hex", 12, 20),
    number: Number(bytes.readBigUInt64LE(20)),
    logId: Number(bytes.readBigUInt64LE(28)),
    index: Number(bytes.readBigUInt64LE(36)),
    arrivalMs: bytes.readDoubleLE(44),
    recordCount: bytes.readUInt16LE(10),
    part: bytes.readUInt16LE(6),
    partCount: bytes.readUInt16LE(8),
    payload: bytes.subarray(HEADER_BYTES),
  };
}

/** Whether a message that cannot be read was the last one of its entry: all others of an entry are full. */
export function endsEntry({ byteLength }: Uint8Array): boolean {
  return byteLength < HEADER_BYTES + PART_BYTES_MAX;
}
