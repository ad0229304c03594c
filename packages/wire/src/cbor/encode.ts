/**
 * Contract values to CBOR 1.1 bodies, in the form that AWS sends: maps and lists of indefinite length,
 * strings of definite length, timestamps as tag 1 on whole **milliseconds** (not on the seconds of RFC
 * 8949, and never a float, which breaks the SDKs for Java).
 */
import { KinesisRecord, PutRecords } from "@millrace/api";
import type { Decoded, Members, Shape } from "@millrace/api";
import { ByteWriter } from "../byte-writer.ts";
import { storedEntriesOf, writeStoredEntriesCbor } from "../put-records/stored-entries.ts";
import { writeRecordsCbor } from "../stored-records/encode-cbor.ts";
import { storedRecordsOf } from "../stored-records/stored-records.ts";
import { bytesType, encodedText, writeHead, writeInteger, writeText } from "./head.ts";

/**
 * Encodes a value as pieces to be laid end to end. Large blobs are kept by reference.
 *
 * @throws {TypeError} when `value` is not of its shape, which is a mistake of the caller.
 */
export function encodeCbor<S extends Shape>(value: Decoded<S>, shape: S): readonly Buffer[] {
  const writer = new ByteWriter();
  encoderOf(shape)(writer, value);
  return writer.pieces();
}

const indefiniteList = 0x9f;
const indefiniteMap = 0xbf;
const epochTag = 0xc1;
const falseByte = 0xf4;
const trueByte = 0xf5;
const doubleByte = 0xfb;
const breakByte = 0xff;

type Encoder = (writer: ByteWriter, value: unknown) => void;

const encoders = new WeakMap<Shape, Encoder>();

function encoderOf(shape: Shape): Encoder {
  const known = encoders.get(shape);
  if (known !== undefined) return known;
  // What a shape that contains itself gets, while it is being made.
  encoders.set(shape, (writer, value) => made(writer, value));
  const made = makeEncoder(shape);
  encoders.set(shape, made);
  return made;
}

function makeEncoder(shape: Shape): Encoder {
  switch (shape.kind) {
    case "string":
      return (writer, value) => {
        if (typeof value !== "string") throw notOf("string", value);
        writeText(writer, value);
      };
    case "blob":
      return (writer, value) => {
        if (!(value instanceof Uint8Array)) throw notOf("blob", value);
        writeHead(writer, bytesType, value.length);
        writer.bytes(value);
      };
    case "integer":
    case "long":
      return (writer, value) => {
        if (!Number.isInteger(value)) throw notOf(shape.kind, value);
        writeInteger(writer, value as number);
      };
    case "double":
      return (writer, value) => {
        if (typeof value !== "number") throw notOf("double", value);
        const bytes = Buffer.alloc(9);
        bytes[0] = doubleByte;
        bytes.writeDoubleBE(value, 1);
        writer.bytes(bytes);
      };
    case "boolean":
      return (writer, value) => {
        if (typeof value !== "boolean") throw notOf("boolean", value);
        writer.byte(value ? trueByte : falseByte);
      };
    case "timestamp":
      return (writer, value) => {
        if (!Number.isFinite(value)) throw notOf("timestamp", value);
        writer.byte(epochTag);
        writeInteger(writer, Math.round(value as number));
      };
    case "list":
      return listEncoder(encoderOf(shape.member));
    case "map":
      return mapEncoder(encoderOf(shape.value));
    case "structure":
    case "union":
      return structureEncoder(shape.members);
  }
}

function listEncoder(encodeElement: Encoder): Encoder {
  return (writer, value) => {
    if (!Array.isArray(value)) throw notOf("list", value);
    writer.byte(indefiniteList);
    for (const element of value as readonly unknown[]) encodeElement(writer, element);
    writer.byte(breakByte);
  };
}

function mapEncoder(encodeValue: Encoder): Encoder {
  return (writer, value) => {
    if (!isObject(value)) throw notOf("map", value);
    writer.byte(indefiniteMap);
    for (const [key, entry] of Object.entries(value)) {
      writeText(writer, key);
      encodeValue(writer, entry);
    }
    writer.byte(breakByte);
  };
}

function structureEncoder(members: Members): Encoder {
  const encodings = Object.entries(members).map(([name, member]) => ({
    name,
    isRecords: member.shape.kind === "list" && member.shape.member === KinesisRecord,
    isPutResults: member.shape === PutRecords.output.members.Records.shape,
    encodedName: encodedText(name),
    encode: encoderOf(member.shape),
  }));
  return (writer, value) => {
    if (!isObject(value)) throw notOf("structure", value);
    writer.byte(indefiniteMap);
    const stored = storedRecordsOf(value);
    for (const member of encodings) {
      if (member.isRecords && stored !== undefined) {
        writer.bytes(member.encodedName);
        writeRecordsCbor(writer, stored);
        continue;
      }
      const entries = member.isPutResults ? storedEntriesOf(value) : undefined;
      if (entries !== undefined) {
        writer.bytes(member.encodedName);
        writeStoredEntriesCbor(writer, entries);
        continue;
      }
      const memberValue = value[member.name];
      if (memberValue === undefined || memberValue === null) continue;
      writer.bytes(member.encodedName);
      member.encode(writer, memberValue);
    }
    writer.byte(breakByte);
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function notOf(kind: Shape["kind"], value: unknown): TypeError {
  return new TypeError(`a ${kind} was to be encoded, and a ${typeof value} was given`);
}
