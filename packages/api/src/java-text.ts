/**
 * Values as the service prints them. The service is written in Java and prints what `toString` gives, so a
 * blob shows its buffer, a list its brackets, and a structure its class and hash code. The texts are part of
 * the messages that clients see; their source are answers recorded from AWS.
 */

import type { Shape } from "./shape.ts";

/** `null`, or the value between apostrophes. */
export function quotedText(shape: Shape, value: unknown): string {
  return isNull(value) ? "null" : `'${valueText(shape, value)}'`;
}

/** The value without apostrophes, as it stands inside of lists and maps. */
export function valueText(shape: Shape, value: unknown): string {
  if (isNull(value)) return "null";
  switch (shape.kind) {
    case "blob": {
      const sizeBytes = (value as Uint8Array).length;
      return `java.nio.HeapByteBuffer[pos=0 lim=${sizeBytes} cap=${sizeBytes}]`;
    }
    case "list":
      return `[${(value as readonly unknown[]).map((item) => valueText(shape.member, item)).join(", ")}]`;
    case "map":
      return `{${Object.entries(value as Readonly<Record<string, unknown>>)
        .map(([key, item]) => `${key}=${valueText(shape.value, item)}`)
        .join(", ")}}`;
    case "structure":
    case "union": {
      const hash = (hashCode(shape, value) >>> 0).toString(16);
      return `${("javaName" in shape && shape.javaName) || "java.lang.Object"}@${hash}`;
    }
    case "string":
    case "integer":
    case "long":
    case "double":
    case "boolean":
    case "timestamp":
      return (value as string | number | boolean).toString();
  }
}

/** An absent member is null to the service. */
export function isNull(value: unknown): value is null | undefined {
  return value === null || value === undefined;
}

/** `String.hashCode`, as a signed 32-bit integer. */
export function stringHashCode(text: string): number {
  let hash = 0;
  for (let index = 0; index < text.length; index += 1) {
    hash = (Math.imul(31, hash) + text.charCodeAt(index)) | 0;
  }
  return hash;
}

/**
 * `hashCode` of a value. A structure folds its class name and then its members in alphabetical order: the
 * recorded `PutRecordsRequestEntry@c965e310` is the entry with empty data and an empty key.
 */
function hashCode(shape: Shape, value: unknown): number {
  if (isNull(value)) return 0;
  switch (shape.kind) {
    case "string":
      return stringHashCode(value as string);
    case "blob":
      return blobHashCode(value as Uint8Array);
    case "integer":
      return (value as number) | 0;
    case "long":
    case "timestamp": {
      const whole = BigInt.asUintN(64, BigInt(Math.trunc(value as number)));
      return Number(BigInt.asIntN(32, whole ^ (whole >> 32n)));
    }
    case "double":
      return doubleHashCode(value as number);
    case "boolean":
      return value === true ? 1231 : 1237;
    case "list":
      return (value as readonly unknown[]).reduce<number>(
        (hash, item) => fold(hash, hashCode(shape.member, item)),
        1,
      );
    case "map":
      return Object.entries(value as Readonly<Record<string, unknown>>).reduce(
        (sum, [key, item]) => (sum + (stringHashCode(key) ^ hashCode(shape.value, item))) | 0,
        0,
      );
    case "structure":
    case "union": {
      const name = ("javaName" in shape && shape.javaName) || "java.lang.Object";
      return Object.keys(shape.members)
        .toSorted()
        .reduce(
          (hash, key) =>
            fold(hash, hashCode(shape.members[key].shape, (value as Readonly<Record<string, unknown>>)[key])),
          fold(1, fold(1, stringHashCode(name))),
        );
    }
  }
}

/** `Double.hashCode`: both halves of the bits. */
function doubleHashCode(value: number): number {
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, value);
  return bits.getInt32(0) ^ bits.getInt32(4);
}

/** `ByteBuffer.hashCode`: signed bytes, the last one first. */
function blobHashCode(bytes: Uint8Array): number {
  let hash = 1;
  for (let index = bytes.length - 1; index >= 0; index -= 1) {
    hash = fold(hash, ((bytes[index] ?? 0) << 24) >> 24);
  }
  return hash;
}

function fold(hash: number, next: number): number {
  return (Math.imul(31, hash) + next) | 0;
}
