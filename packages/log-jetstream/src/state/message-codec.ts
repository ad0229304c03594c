/**
 * Documents as messages of a stream. A message holds a whole document, or one of the parts of a document that stand at
 * consecutive sequences because they were stored as one atomic batch.
 *
 * ```
 * message => crc32:u32 (of all that follows)  part:u16  part_count:u16  bytes
 * ```
 *
 * Integers are little-endian. A document is UTF-8 JSON.
 */
import { crc32 } from "node:zlib";

const HEADER_BYTES = 8;
/** A message is at most 2 MiB in a cluster that passes the checks; half of that leaves room for what is around it. */
const PART_BYTES_MAX = 1 << 20;

/** A message is not what was written: its replica has to be looked at. */
export class DamagedMessageError extends Error {
  override readonly name = "DamagedMessageError";
}

export function encodeDocument(document: unknown): Buffer[] {
  const bytes = Buffer.from(JSON.stringify(document));
  const count = Math.max(1, Math.ceil(bytes.length / PART_BYTES_MAX));
  return Array.from({ length: count }, (_, part) => {
    const piece = bytes.subarray(part * PART_BYTES_MAX, (part + 1) * PART_BYTES_MAX);
    const message = Buffer.allocUnsafe(HEADER_BYTES + piece.length);
    message.writeUInt16LE(part, 4);
    message.writeUInt16LE(count, 6);
    message.set(piece, HEADER_BYTES);
    message.writeUInt32LE(crc32(message.subarray(4)), 0);
    return message;
  });
}

/** Puts documents together from messages in their order. */
export class DocumentReader {
  #parts: Buffer[] = [];

  /**
   * The document that the message completes; undefined when more of its parts follow.
   *
   * @throws {DamagedMessageError}
   */
  next(payload: Uint8Array, where: string): unknown {
    const message = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
    if (message.length < HEADER_BYTES || message.readUInt32LE(0) !== crc32(message.subarray(4))) {
      throw new DamagedMessageError(`${where} does not have the checksum that it was written with`);
    }
    const part = message.readUInt16LE(4);
    const count = message.readUInt16LE(6);
    if (part !== this.#parts.length || part >= count) {
      throw new DamagedMessageError(
        `${where} is part ${part + 1} of ${count} where part ${this.#parts.length + 1} was expected`,
      );
    }
    this.#parts.push(message.subarray(HEADER_BYTES));
    if (this.#parts.length < count) return undefined;
    const bytes = Buffer.concat(this.#parts);
    this.#parts = [];
    return JSON.parse(bytes.toString("utf8"));
  }
}
