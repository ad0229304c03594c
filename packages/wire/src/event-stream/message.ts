/**
 * The frames of `application/vnd.amazon.eventstream`. All integers are big-endian.
 *
 * | bytes | |
 * | --- | --- |
 * | 4 | length of the whole message, these four bytes included |
 * | 4 | length of the headers |
 * | 4 | CRC-32 of the eight bytes before |
 * | n | headers: name length (1), name, type (1), value |
 * | n | payload |
 * | 4 | CRC-32 of everything before |
 *
 * | type | value |
 * | --- | --- |
 * | 0, 1 | true, false; no bytes |
 * | 2, 3, 4, 5 | signed integer of 1, 2, 4, 8 bytes |
 * | 6, 7 | bytes, text: length (2), then as many bytes |
 * | 8 | timestamp: milliseconds since the epoch, signed, 8 bytes |
 * | 9 | UUID: 16 bytes |
 */
import { crc32 } from "node:zlib";
import { MESSAGE_BYTES_MAX, MESSAGE_HEADER_BYTES_MAX } from "../limits.ts";

/** Long integers (type 5) are bigint, timestamps milliseconds; a UUID is printed as usual. */
export type HeaderValue =
  | { readonly type: "boolean"; readonly value: boolean }
  | { readonly type: "byte" | "short" | "integer" | "timestamp"; readonly value: number }
  | { readonly type: "long"; readonly value: bigint }
  | { readonly type: "bytes"; readonly value: Uint8Array }
  | { readonly type: "string" | "uuid"; readonly value: string };

export interface EventMessage {
  readonly headers: Readonly<Record<string, HeaderValue>>;
  readonly payload: Uint8Array;
}

/** Bytes from outside that are no event stream. */
export class EventStreamFault extends Error {
  override readonly name = "EventStreamFault";
}

const preludeBytes = 12;
const checksumBytes = 4;
const overheadBytes = preludeBytes + checksumBytes;
const stringType = 7;

/**
 * Lays a message out. All headers are texts (type 7), which is all that the service sends; the payload
 * may come in pieces.
 *
 * @throws {RangeError} when a header or the whole message is too long for the format.
 */
export function encodeMessage(
  headers: Readonly<Record<string, string>>,
  payload: readonly Uint8Array[],
): Buffer {
  const encodedHeaders = Buffer.concat(
    Object.entries(headers).map(([name, value]) => encodeHeader(name, value)),
  );
  let payloadBytes = 0;
  for (const piece of payload) payloadBytes += piece.length;
  const totalBytes = overheadBytes + encodedHeaders.length + payloadBytes;
  if (totalBytes > MESSAGE_BYTES_MAX) throw new RangeError("an event message is too large to be sent");

  const message = Buffer.allocUnsafe(totalBytes);
  message.writeUInt32BE(totalBytes, 0);
  message.writeUInt32BE(encodedHeaders.length, 4);
  message.writeUInt32BE(crc32(message.subarray(0, 8)), 8);
  encodedHeaders.copy(message, preludeBytes);
  let position = preludeBytes + encodedHeaders.length;
  for (const piece of payload) {
    message.set(piece, position);
    position += piece.length;
  }
  message.writeUInt32BE(crc32(message.subarray(0, position)), position);
  return message;
}

function encodeHeader(name: string, value: string): Buffer {
  const nameBytes = Buffer.from(name, "utf8");
  const valueBytes = Buffer.from(value, "utf8");
  if (nameBytes.length > 0xff || valueBytes.length > 0x7fff) {
    throw new RangeError("an event header is too long to be sent");
  }
  const header = Buffer.allocUnsafe(1 + nameBytes.length + 1 + 2 + valueBytes.length);
  header.writeUInt8(nameBytes.length, 0);
  nameBytes.copy(header, 1);
  header.writeUInt8(stringType, 1 + nameBytes.length);
  header.writeUInt16BE(valueBytes.length, 2 + nameBytes.length);
  valueBytes.copy(header, 4 + nameBytes.length);
  return header;
}

/**
 * Takes a byte stream apart into messages, however its pieces fall. It holds at most one unfinished
 * message, and grows with what has arrived, not with what a length announces.
 */
export class EventMessageReader {
  #buffer = Buffer.alloc(0);
  #heldBytes = 0;

  /**
   * Takes the next piece and returns the messages that it completes.
   *
   * @throws {EventStreamFault} when a length or a checksum is wrong; nothing more can be read then.
   */
  push(piece: Uint8Array): EventMessage[] {
    this.#append(piece);
    const held = this.#buffer.subarray(0, this.#heldBytes);
    const messages: EventMessage[] = [];
    let start = 0;
    while (held.length - start >= preludeBytes) {
      const end = start + checkedLength(held.subarray(start));
      if (end > held.length) break;
      messages.push(decodeMessage(held.subarray(start, end)));
      start = end;
    }
    if (start > 0) {
      // The messages are views of the buffer, so what is left moves to one of its own.
      this.#buffer = Buffer.from(held.subarray(start));
      this.#heldBytes = this.#buffer.length;
    }
    return messages;
  }

  /** @throws {EventStreamFault} when the stream has ended in the middle of a message. */
  finish(): void {
    if (this.#heldBytes > 0) throw new EventStreamFault("the event stream ends inside a message");
  }

  #append(piece: Uint8Array): void {
    const neededBytes = this.#heldBytes + piece.length;
    if (neededBytes > this.#buffer.length) {
      const grown = Buffer.allocUnsafe(Math.max(neededBytes, this.#buffer.length * 2));
      this.#buffer.copy(grown, 0, 0, this.#heldBytes);
      this.#buffer = grown;
    }
    this.#buffer.set(piece, this.#heldBytes);
    this.#heldBytes = neededBytes;
  }
}

/** The length that a prelude announces, once it is known to be a prelude. */
function checkedLength(held: Buffer): number {
  const totalBytes = held.readUInt32BE(0);
  const headerBytes = held.readUInt32BE(4);
  if (held.readUInt32BE(8) !== crc32(held.subarray(0, 8))) {
    throw new EventStreamFault("the prelude of an event message has a wrong checksum");
  }
  if (
    totalBytes > MESSAGE_BYTES_MAX ||
    headerBytes > MESSAGE_HEADER_BYTES_MAX ||
    totalBytes < overheadBytes + headerBytes
  ) {
    throw new EventStreamFault("an event message announces an impossible length");
  }
  return totalBytes;
}

/**
 * Reads one whole message.
 *
 * @throws {EventStreamFault} when it is not one.
 */
export function decodeMessage(message: Uint8Array): EventMessage {
  const bytes = Buffer.from(message.buffer, message.byteOffset, message.byteLength);
  if (bytes.length < overheadBytes || checkedLength(bytes) !== bytes.length) {
    throw new EventStreamFault("an event message has a wrong length");
  }
  const payloadEnd = bytes.length - checksumBytes;
  if (bytes.readUInt32BE(payloadEnd) !== crc32(bytes.subarray(0, payloadEnd))) {
    throw new EventStreamFault("an event message has a wrong checksum");
  }
  const payloadStart = preludeBytes + bytes.readUInt32BE(4);
  return {
    headers: decodeHeaders(bytes.subarray(preludeBytes, payloadStart)),
    payload: bytes.subarray(payloadStart, payloadEnd),
  };
}

function decodeHeaders(bytes: Buffer): Record<string, HeaderValue> {
  const headers = Object.create(null) as Record<string, HeaderValue>;
  let position = 0;

  const take = (sizeBytes: number): Buffer => {
    const start = position;
    position += sizeBytes;
    if (position > bytes.length) throw new EventStreamFault("an event header is cut off");
    return bytes.subarray(start, position);
  };
  const takeSized = (): Buffer => take(take(2).readUInt16BE(0));

  const takeValue = (type: number): HeaderValue => {
    switch (type) {
      case 0:
      case 1:
        return { type: "boolean", value: type === 0 };
      case 2:
        return { type: "byte", value: take(1).readInt8(0) };
      case 3:
        return { type: "short", value: take(2).readInt16BE(0) };
      case 4:
        return { type: "integer", value: take(4).readInt32BE(0) };
      case 5:
        return { type: "long", value: take(8).readBigInt64BE(0) };
      case 6:
        return { type: "bytes", value: takeSized() };
      case 7:
        return { type: "string", value: takeSized().toString("utf8") };
      case 8:
        return { type: "timestamp", value: Number(take(8).readBigInt64BE(0)) };
      case 9:
        return { type: "uuid", value: uuidOf(take(16)) };
      default:
        throw new EventStreamFault("an event header has an unknown type");
    }
  };

  while (position < bytes.length) {
    const name = take(take(1).readUInt8(0)).toString("utf8");
    headers[name] = takeValue(take(1).readUInt8(0));
  }
  return headers;
}

function uuidOf(bytes: Buffer): string {
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
