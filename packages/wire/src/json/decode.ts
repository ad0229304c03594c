/**
 * JSON 1.1 bodies to contract values: the reference decoder. Shapes are turned into readers once, and
 * a reader takes what its shape names off the bytes; members that the shape does not know are checked
 * and dropped.
 *
 * | in JSON | decoded |
 * | --- | --- |
 * | number for `integer`, `long` | fraction cut off, clamped to the type's range |
 * | number for `double` | itself; also the texts `NaN`, `Infinity` and `-Infinity` |
 * | number for `timestamp` | seconds since the epoch, to milliseconds with a fraction |
 * | string for `blob` | strictly canonical base64, to bytes |
 * | string for `boolean` | `true false yes no 1 0` in any case |
 * | `null` | absence; the last of several members of one name decides |
 * | `null` in a list or map | fault: a dense list has no place for it |
 */
import { isUtf8 } from "node:buffer";
import type { Decoded, Members, Shape } from "@millrace/api";
import { base64Fault, decodeBase64 } from "../base64.ts";
import { asBuffer } from "../byte-writer.ts";
import { booleanOfText, toInstantMs, toInteger } from "../conversions.ts";
import { malformed, SerializationFault, wrongType } from "../serialization-fault.ts";
import type { Found } from "../serialization-fault.ts";
import { JsonScanner } from "./scanner.ts";

/**
 * Decodes a body.
 *
 * @throws {SerializationFault} when the bytes are no JSON (malformed), or when a value does not fit its
 * shape; then the whole body has been found to be JSON.
 */
export function decodeJson<S extends Shape>(bytes: Uint8Array, shape: S): Decoded<S> {
  const body = checked(bytes);
  try {
    const scanner = new JsonScanner(body);
    const found = scanner.ahead();
    if (found !== "map" && found !== "list") throw malformed();
    const value = readerOf(shape)(scanner);
    scanner.finish();
    return value as Decoded<S>;
  } catch (error) {
    // The service parses first and converts then, so a body that is no JSON is told as such, wherever
    // in it a wrong type stands.
    if (error instanceof SerializationFault && !error.malformed) skipDocument(body);
    throw error;
  }
}

/**
 * Checks that a body is a JSON object or list, when there is no shape for it.
 *
 * @throws {SerializationFault} a malformed one, when it is not.
 */
export function checkJson(bytes: Uint8Array): void {
  skipDocument(checked(bytes));
}

function skipDocument(body: Buffer): void {
  const scanner = new JsonScanner(body);
  const found = scanner.ahead();
  if (found !== "map" && found !== "list") throw malformed();
  scanner.skip();
  scanner.finish();
}

function checked(bytes: Uint8Array): Buffer {
  if (!isUtf8(bytes)) throw malformed();
  return asBuffer(bytes);
}

/** Reads one value that is not null. */
type Reader = (scanner: JsonScanner) => unknown;

const readers = new WeakMap<Shape, Reader>();

function readerOf(shape: Shape): Reader {
  const known = readers.get(shape);
  if (known !== undefined) return known;
  // What a shape that contains itself gets, while it is being made.
  readers.set(shape, (scanner) => scanner.nested(() => made(scanner)));
  const made = makeReader(shape);
  readers.set(shape, made);
  return made;
}

function makeReader(shape: Shape): Reader {
  switch (shape.kind) {
    case "string":
      return (scanner) => {
        const found = present(scanner);
        if (found !== "string") throw wrongType("string", found);
        return scanner.string();
      };
    case "blob":
      return readBlob;
    case "integer":
    case "long": {
      const { kind } = shape;
      return (scanner) => {
        const found = present(scanner);
        if (found !== "number") throw wrongType(kind, found);
        return toInteger(scanner.number(), kind);
      };
    }
    case "double":
      return readDouble;
    case "boolean":
      return readBoolean;
    case "timestamp":
      return readTimestamp;
    case "list":
      return listReader(readerOf(shape.member));
    case "map":
      return mapReader(readerOf(shape.value));
    case "structure":
    case "union":
      return structureReader(shape.kind, shape.members);
  }
}

function readBlob(scanner: JsonScanner): Uint8Array {
  const found = present(scanner);
  if (found !== "string") throw wrongType("blob", found);
  const start = scanner.position;
  const bytes = decodeBase64(scanner.asciiString());
  if (bytes !== undefined) return bytes;
  scanner.position = start;
  throw base64Fault(scanner.string());
}

function readBoolean(scanner: JsonScanner): boolean {
  const found = present(scanner);
  if (found === "boolean") return scanner.boolean();
  if (found === "string") return booleanOfText(scanner.string());
  throw wrongType("boolean", found);
}

/** The values that JSON has no numbers for are written as texts. */
const namedDoubles: ReadonlyMap<string, number> = new Map([
  ["NaN", Number.NaN],
  ["Infinity", Infinity],
  ["-Infinity", -Infinity],
]);

function readDouble(scanner: JsonScanner): number {
  const found = present(scanner);
  if (found === "number") return scanner.number();
  const named = found === "string" ? namedDoubles.get(scanner.string()) : undefined;
  if (named === undefined) throw wrongType("double", found);
  return named;
}

function readTimestamp(scanner: JsonScanner): number {
  const found = present(scanner);
  if (found !== "number") throw wrongType("timestamp", found);
  return toInstantMs(scanner.number() * 1000);
}

function listReader(readElement: Reader): Reader {
  return (scanner) => {
    const found = present(scanner);
    if (found !== "list") throw wrongType("list", found);
    const elements: unknown[] = [];
    scanner.list(() => {
      scanner.count();
      elements.push(readElement(scanner));
    });
    return elements;
  };
}

function mapReader(readValue: Reader): Reader {
  return (scanner) => {
    const found = present(scanner);
    if (found !== "map") throw wrongType("map", found);
    const entries = Object.create(null) as Record<string, unknown>;
    scanner.object((key) => {
      scanner.count();
      entries[key] = readValue(scanner);
    });
    return entries;
  };
}

function structureReader(kind: "structure" | "union", members: Members): Reader {
  const memberReaders = new Map(
    Object.entries(members).map(([name, member]) => [name, readerOf(member.shape)]),
  );
  return (scanner) => {
    const found = present(scanner);
    if (found !== "map") throw wrongType(kind, found);
    const value: Record<string, unknown> = {};
    scanner.object((name) => {
      const readMember = memberReaders.get(name);
      if (readMember === undefined) {
        scanner.skip();
      } else if (scanner.ahead() === "null") {
        scanner.null();
        delete value[name];
      } else {
        value[name] = readMember(scanner);
      }
    });
    return value;
  };
}

/** What stands next; null has no place here. */
function present(scanner: JsonScanner): Found {
  const found = scanner.ahead();
  if (found === "null") throw new SerializationFault("");
  return found;
}
