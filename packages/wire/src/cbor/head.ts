/** What CBOR values begin with: a major type and an argument (RFC 8949 §3). */
import { ByteWriter } from "../byte-writer.ts";

const unsignedType = 0;
const negativeType = 1;
export const bytesType = 2;
export const textType = 3;

export function writeText(writer: ByteWriter, text: string): void {
  const bytes = Buffer.from(text, "utf8");
  writeHead(writer, textType, bytes.length);
  writer.bytes(bytes);
}

export function writeInteger(writer: ByteWriter, value: number): void {
  if (value >= 0) writeHead(writer, unsignedType, value);
  else writeHead(writer, negativeType, -1 - value);
}

/** A major type with its argument in the fewest bytes. */
export function writeHead(writer: ByteWriter, type: number, argument: number): void {
  const major = type << 5;
  if (argument < 24) {
    writer.byte(major | argument);
  } else if (argument <= 0xff) {
    writer.byte(major | 24);
    writer.byte(argument);
  } else if (argument <= 0xffff) {
    writer.byte(major | 25);
    writer.unsigned(argument, 2);
  } else if (argument <= 0xffff_ffff) {
    writer.byte(major | 26);
    writer.unsigned(argument, 4);
  } else {
    writer.byte(major | 27);
    // The largest long arrives rounded up to 2^63; an unsigned argument has room for it.
    writer.unsigned64(BigInt(argument));
  }
}

/** A whole text, for what is written again and again. */
export function encodedText(text: string): Buffer {
  const writer = new ByteWriter();
  writeText(writer, text);
  return Buffer.concat(writer.pieces());
}
