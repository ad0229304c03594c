/**
 * CBOR 1.1 bodies to contract values: what the AWS SDKs for Java send. The same rules and texts as
 * for JSON, with these differences:
 *
 * | in CBOR | decoded |
 * | --- | --- |
 * | byte string for `blob` | itself; text is taken as base64 |
 * | number for `timestamp` | **milliseconds** since the epoch, whole or not, tagged or not |
 * | `null`, `undefined` | absence |
 * | tags | read past |
 */
import type { Decoded, Members, Shape } from "@millrace/api";
import { base64Fault, decodeBase64 } from "../base64.ts";
import { asBuffer } from "../byte-writer.ts";
import { booleanOfText, toInstantMs, toInteger } from "../conversions.ts";
import { malformed, SerializationFault, wrongType } from "../serialization-fault.ts";
import type { Found } from "../serialization-fault.ts";
import { CborReader } from "./reader.ts";
import type { Kind } from "./reader.ts";

/**
 * Decodes a body. Blobs are views of `bytes`.
 *
 * @throws {SerializationFault} when the bytes are not well-formed (malformed), or when a value does not
 * fit its shape; then the whole body has been found to be CBOR.
 */
export function decodeCbor<S extends Shape>(bytes: Uint8Array, shape: S): Decoded<S> {
  const body = asBuffer(bytes);
  try {
    const reader = new CborReader(body);
    const kind = reader.head();
    if (kind !== "map" && kind !== "list") throw malformed();
    const value = valueReaderOf(shape)(reader, kind);
    reader.finish();
    return value as Decoded<S>;
  } catch (error) {
    if (error instanceof SerializationFault && !error.malformed) checkCbor(body);
    throw error;
  }
}

/**
 * Checks that a body is a CBOR map or list, when there is no shape for it.
 *
 * @throws {SerializationFault} a malformed one, when it is not.
 */
export function checkCbor(bytes: Uint8Array): void {
  const reader = new CborReader(asBuffer(bytes));
  const kind = reader.head();
  if (kind !== "map" && kind !== "list") throw malformed();
  reader.skip();
  reader.finish();
}

/** Takes the value whose head the reader has read. */
type ValueReader = (reader: CborReader, kind: Kind) => unknown;

const valueReaders = new WeakMap<Shape, ValueReader>();

function valueReaderOf(shape: Shape): ValueReader {
  const known = valueReaders.get(shape);
  if (known !== undefined) return known;
  // What a shape that contains itself gets, while it is being made.
  valueReaders.set(shape, (reader, kind) => reader.nested(() => made(reader, kind)));
  const made = makeValueReader(shape);
  valueReaders.set(shape, made);
  return made;
}

function makeValueReader(shape: Shape): ValueReader {
  switch (shape.kind) {
    case "string":
      return (reader, kind) => {
        if (kind !== "string") throw wrongType("string", present(kind));
        return reader.string();
      };
    case "blob":
      return readBlob;
    case "integer":
    case "long":
      return (reader, kind) => {
        const number = kind === "number" ? reader.number() : Number.NaN;
        if (Number.isNaN(number)) throw wrongType(shape.kind, present(kind));
        return toInteger(number, shape.kind);
      };
    case "double":
      return (reader, kind) => {
        if (kind !== "number") throw wrongType("double", present(kind));
        return reader.number();
      };
    case "boolean":
      return (reader, kind) => {
        if (kind === "boolean") return reader.boolean();
        if (kind === "string") return booleanOfText(reader.string());
        throw wrongType("boolean", present(kind));
      };
    case "timestamp":
      return (reader, kind) => {
        const milliseconds = kind === "number" ? reader.number() : Number.NaN;
        if (Number.isNaN(milliseconds)) throw wrongType("timestamp", present(kind));
        return toInstantMs(milliseconds);
      };
    case "list":
      return listReader(valueReaderOf(shape.member));
    case "map":
      return mapReader(valueReaderOf(shape.value));
    case "structure":
    case "union":
      return structureReader(shape.kind, shape.members);
  }
}

function readBlob(reader: CborReader, kind: Kind): Uint8Array {
  if (kind === "bytes") return reader.bytes();
  if (kind !== "string") throw wrongType("blob", present(kind));
  const text = reader.string();
  const bytes = decodeBase64(text);
  if (bytes === undefined) throw base64Fault(text);
  return bytes;
}

function listReader(readElement: ValueReader): ValueReader {
  return (reader, kind) => {
    if (kind !== "list") throw wrongType("list", present(kind));
    const elements: unknown[] = [];
    reader.list((elementKind) => {
      reader.count();
      elements.push(readElement(reader, elementKind));
    });
    return elements;
  };
}

function mapReader(readValue: ValueReader): ValueReader {
  return (reader, kind) => {
    if (kind !== "map") throw wrongType("map", present(kind));
    const entries = Object.create(null) as Record<string, unknown>;
    reader.map((key, valueKind) => {
      if (key === undefined) throw new SerializationFault("");
      reader.count();
      entries[key] = readValue(reader, valueKind);
    });
    return entries;
  };
}

function structureReader(shapeKind: "structure" | "union", members: Members): ValueReader {
  const memberReaders = new Map(
    Object.entries(members).map(([name, member]) => [name, valueReaderOf(member.shape)]),
  );
  return (reader, kind) => {
    if (kind !== "map") throw wrongType(shapeKind, present(kind));
    const value: Record<string, unknown> = {};
    reader.map((name, memberKind) => {
      const readMember = name === undefined ? undefined : memberReaders.get(name);
      if (name === undefined || readMember === undefined) reader.skip();
      else if (memberKind === "null") delete value[name];
      else value[name] = readMember(reader, memberKind);
    });
    return value;
  };
}

/** What was found; null, and simple values that mean nothing, have no place where this is asked. */
function present(kind: Kind): Found {
  if (kind === "null" || kind === "unassigned" || kind === "break") throw new SerializationFault("");
  return kind;
}
