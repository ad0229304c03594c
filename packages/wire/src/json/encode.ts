/** Contract values to JSON 1.1 bodies: compact, members in the order of the contract, absent ones left out. */
import { KinesisRecord, PutRecords } from "@millrace/api";
import type { Decoded, Members, Shape } from "@millrace/api";
import { ByteWriter } from "../byte-writer.ts";
import { storedEntriesOf, writeStoredEntriesJson } from "../put-records/stored-entries.ts";
import { writeRecordsJson } from "../stored-records/encode-json.ts";
import { storedRecordsOf } from "../stored-records/stored-records.ts";

/**
 * Encodes a value as pieces to be laid end to end. Timestamps become seconds with at most three
 * decimals, blobs base64. Blobs are kept by reference until the pieces exist, and no longer.
 *
 * @throws {TypeError} when `value` is not of its shape, which is a mistake of the caller.
 */
export function encodeJson<S extends Shape>(value: Decoded<S>, shape: S): readonly Buffer[] {
  const writer = new ByteWriter();
  encoderOf(shape)(writer, value);
  return writer.pieces();
}

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
        writer.text(quoted(value));
      };
    case "blob":
      return (writer, value) => {
        if (!(value instanceof Uint8Array)) throw notOf("blob", value);
        writer.text('"');
        writer.base64(value);
        writer.text('"');
      };
    case "integer":
    case "long":
      return (writer, value) => {
        if (!Number.isInteger(value)) throw notOf(shape.kind, value);
        writer.text(integerText(value as number));
      };
    case "double":
      return (writer, value) => {
        if (typeof value !== "number") throw notOf("double", value);
        writer.text(Number.isFinite(value) ? String(value) : `"${value}"`);
      };
    case "boolean":
      return (writer, value) => {
        if (typeof value !== "boolean") throw notOf("boolean", value);
        writer.text(value ? "true" : "false");
      };
    case "timestamp":
      return (writer, value) => {
        if (!Number.isFinite(value)) throw notOf("timestamp", value);
        writer.text(String(Math.round(value as number) / 1000));
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
    writer.text("[");
    let first = true;
    for (const element of value as readonly unknown[]) {
      if (first) first = false;
      else writer.text(",");
      encodeElement(writer, element);
    }
    writer.text("]");
  };
}

function mapEncoder(encodeValue: Encoder): Encoder {
  return (writer, value) => {
    if (!isObject(value)) throw notOf("map", value);
    writer.text("{");
    let separator = "";
    for (const [key, entry] of Object.entries(value)) {
      writer.text(`${separator}${JSON.stringify(key)}:`);
      encodeValue(writer, entry);
      separator = ",";
    }
    writer.text("}");
  };
}

function structureEncoder(members: Members): Encoder {
  const encodings = Object.entries(members).map(([name, member]) => ({
    name,
    isRecords: member.shape.kind === "list" && member.shape.member === KinesisRecord,
    isPutResults: member.shape === PutRecords.output.members.Records.shape,
    first: `${JSON.stringify(name)}:`,
    later: `,${JSON.stringify(name)}:`,
    encode: encoderOf(member.shape),
  }));
  return (writer, value) => {
    if (!isObject(value)) throw notOf("structure", value);
    writer.text("{");
    let first = true;
    const stored = storedRecordsOf(value);
    for (const member of encodings) {
      if (member.isRecords && stored !== undefined) {
        writer.text(first ? member.first : member.later);
        writeRecordsJson(writer, stored);
        first = false;
        continue;
      }
      const entries = member.isPutResults ? storedEntriesOf(value) : undefined;
      if (entries !== undefined) {
        writer.text(first ? member.first : member.later);
        writeStoredEntriesJson(writer, entries);
        first = false;
        continue;
      }
      const memberValue = value[member.name];
      if (memberValue === undefined || memberValue === null) continue;
      writer.text(first ? member.first : member.later);
      member.encode(writer, memberValue);
      first = false;
    }
    writer.text("}");
  };
}

/** Short texts of plain ASCII, as most are, are JSON as they are. */
function quoted(text: string): string {
  return text.length <= PLAIN_LENGTH_MAX && PLAIN.test(text) ? `"${text}"` : JSON.stringify(text);
}

const PLAIN_LENGTH_MAX = 64;
const PLAIN = /^[ !#-[\]-~]*$/;

/** Digits without an exponent, which JavaScript uses from 10^21 on. */
function integerText(value: number): string {
  return Math.abs(value) < 1e21 ? String(value + 0) : BigInt(value).toString();
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function notOf(kind: Shape["kind"], value: unknown): TypeError {
  return new TypeError(`a ${kind} was to be encoded, and a ${typeof value} was given`);
}
