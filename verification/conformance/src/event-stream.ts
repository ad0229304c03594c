/**
 * Reads the framing of `application/vnd.amazon.eventstream`:
 *
 *     total length u32 | headers length u32 | CRC-32 of these 8 bytes | headers | payload | CRC-32 of all before
 *     header: name length u8 | name | 7 | value length u16 | value
 */
import { crc32 } from "node:zlib";

export interface EventMessage {
  readonly headers: Readonly<Record<string, string>>;
  readonly payload: Buffer;
}

/** Every whole message at the beginning of the bytes. @throws when a checksum is wrong */
export function messagesIn(bytes: Buffer): EventMessage[] {
  const messages: EventMessage[] = [];
  for (let at = 0; at + 16 <= bytes.length;) {
    const length = bytes.readUInt32BE(at);
    if (at + length > bytes.length) break;
    messages.push(messageOf(bytes.subarray(at, at + length)));
    at += length;
  }
  return messages;
}

function messageOf(bytes: Buffer): EventMessage {
  const headersLength = bytes.readUInt32BE(4);
  if (crc32(bytes.subarray(0, 8)) !== bytes.readUInt32BE(8))
    throw new Error("the prelude's checksum is wrong");
  const end = bytes.length - 4;
  if (crc32(bytes.subarray(0, end)) !== bytes.readUInt32BE(end))
    throw new Error("the message's checksum is wrong");
  const headers: Record<string, string> = {};
  for (let at = 12; at < 12 + headersLength;) {
    const nameLength = bytes.readUInt8(at);
    const name = bytes.toString("utf8", at + 1, at + 1 + nameLength);
    at += 1 + nameLength;
    if (bytes.readUInt8(at) !== 7) throw new Error(`the header ${name} is no string`);
    const valueLength = bytes.readUInt16BE(at + 1);
    headers[name] = bytes.toString("utf8", at + 3, at + 3 + valueLength);
    at += 3 + valueLength;
  }
  return { headers, payload: bytes.subarray(12 + headersLength, end) };
}
