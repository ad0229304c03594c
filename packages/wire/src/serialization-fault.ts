import type { Shape } from "@millrace/api";

/**
 * A body that is not what its shape says: answered as `SerializationException`. The only thing that the
 * decoders of this package throw for bytes from outside.
 */
export class SerializationFault extends Error {
  override readonly name = "SerializationFault";
  /**
   * True when the bytes are no document at all. Such a request is refused before anybody looks at its
   * operation or its signature, and without a message; a value of the wrong type comes after both.
   */
  readonly malformed: boolean;

  constructor(message: string, options: { malformed?: boolean } = {}) {
    super(message);
    this.malformed = options.malformed ?? false;
  }
}

/** The fault for bytes that are no document, too deep a one, or one with too many values. */
export function malformed(): SerializationFault {
  return new SerializationFault("", { malformed: true });
}

/** What was found where a shape wanted something else. `null` is absence and fits everything. */
export type Found = "boolean" | "number" | "string" | "bytes" | "list" | "map";

/**
 * The service is written in Java, and its texts name the classes of what it found. The texts for JSON
 * are recorded (kinesalite's suite, run against the service); that for bytes, which only CBOR has, is
 * built in the same way.
 */
const classes = {
  boolean: "class java.lang.Boolean",
  number: "class com.amazon.coral.value.json.numbers.TruncatingBigNumber",
  string: "class java.lang.String",
  bytes: "class java.nio.HeapByteBuffer",
} as const;

const wantedNames = {
  string: "an String",
  blob: "a Blob",
  integer: "an Integer",
  long: "an Long",
  double: "an Double",
  boolean: "an Boolean",
  timestamp: "milliseconds since epoch",
} as const;

/** The fault for a value of the wrong type, in the service's words. */
export function wrongType(wanted: Shape["kind"], found: Found): SerializationFault {
  if (found === "list" && wanted !== "list") {
    return new SerializationFault("Start of list found where not expected");
  }
  if (found === "map" && wanted !== "map" && wanted !== "structure" && wanted !== "union") {
    return new SerializationFault("Start of structure or map found where not expected.");
  }
  switch (wanted) {
    case "list":
      return new SerializationFault("Expected list or null");
    case "map":
      return new SerializationFault("Expected map or null");
    case "structure":
    case "union":
      return new SerializationFault("Expected null");
    default:
      return new SerializationFault(
        `${classes[found as keyof typeof classes]} can not be converted to ${wantedNames[wanted]}`,
      );
  }
}
