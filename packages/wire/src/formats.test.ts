/**
 * Both formats against every shape of every operation: what is encoded decodes to itself, and no bytes
 * whatever get anything out of a decoder but a value or a {@link SerializationFault}.
 */
import { cloudwatch, kinesis } from "@millrace/api";
import type { Decoded, Members, Shape } from "@millrace/api";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CBOR_FORMAT, JSON_FORMAT, SerializationFault } from "./index.ts";
import type { Format } from "./index.ts";

/**
 * Values of a shape's types. Constraints are left out on purpose: decoding must not depend on them.
 * Timestamps are whole milliseconds, as both formats carry no more.
 */
function valuesOf(shape: Shape): fc.Arbitrary<unknown> {
  switch (shape.kind) {
    case "string":
      return fc.oneof(fc.string({ unit: "binary", maxLength: 20 }), fc.string({ maxLength: 100 }));
    case "blob":
      return fc
        .oneof(
          { weight: 9, arbitrary: fc.uint8Array({ maxLength: 30 }) },
          { weight: 1, arbitrary: fc.uint8Array({ minLength: 3000, maxLength: 9000 }) },
        )
        .map((bytes) => Buffer.from(bytes));
    case "integer":
      return fc.integer();
    case "long":
      return fc.maxSafeInteger();
    case "double":
      // JSON has no negative zero.
      return fc.double({ noNaN: true }).map((value) => value + 0);
    case "boolean":
      return fc.boolean();
    case "timestamp":
      return fc.integer({ min: -62_135_596_800_000, max: 253_402_300_799_999 });
    case "list":
      return fc.array(valuesOf(shape.member as Shape), { maxLength: 4 });
    case "map":
      return fc.dictionary(fc.string({ maxLength: 10 }), valuesOf(shape.value as Shape), {
        maxKeys: 4,
        noNullPrototype: false,
      });
    case "structure":
    case "union":
      return fc.record(
        Object.fromEntries(
          Object.entries(shape.members as Members).map(([name, member]) => [name, valuesOf(member.shape)]),
        ),
        { requiredKeys: [] },
      );
  }
}

const formats = [JSON_FORMAT, CBOR_FORMAT] as const;
const shapes = Object.values(kinesis.operations).flatMap(({ name, input, output }) => [
  { what: `${name} input`, shape: input as Shape },
  { what: `${name} output`, shape: output as Shape },
]);
shapes.push({ what: "PutMetricData input", shape: cloudwatch.operations.PutMetricData.input });

function encoded(format: Format, value: unknown, shape: Shape): Buffer {
  return Buffer.concat(format.encode(value as Decoded<Shape>, shape));
}

/** Plain objects throughout, as maps have no prototype. */
function plain(value: unknown): unknown {
  return structuredClone(value);
}

/** Decodes; undefined for a fault. Anything else that is thrown fails the test. */
function decoded(format: Format, bytes: Uint8Array, shape: Shape): unknown {
  try {
    return format.decode(bytes, shape);
  } catch (error) {
    if (error instanceof SerializationFault) return undefined;
    throw error;
  }
}

describe.each(formats)("$name", (format) => {
  test.each(shapes)("what is encoded decodes to itself: $what", ({ shape }) => {
    fc.assert(
      fc.property(valuesOf(shape), (value) => {
        const again = format.decode(encoded(format, value, shape), shape);
        expect(plain(again)).toEqual(plain(value));
      }),
      { numRuns: 20 },
    );
  });

  test("a bent body gives a value of its shape or a fault, and the check agrees", () => {
    const bends = fc.array(
      fc.record({
        place: fc.nat(),
        drop: fc.nat(3),
        insert: fc.oneof(
          fc.uint8Array({ maxLength: 3 }),
          fc.constantFrom(...'[]{}",:\\0-.eE'.split("").map((text) => Buffer.from(text))),
        ),
      }),
      { minLength: 1, maxLength: 3 },
    );
    const bodies = fc
      .constantFrom(...shapes)
      .chain(({ shape }) => fc.record({ shape: fc.constant(shape), value: valuesOf(shape), bends }));
    fc.assert(
      fc.property(bodies, ({ shape, value, bends: bent }) => {
        let body = encoded(format, value, shape);
        for (const { place, drop, insert } of bent) {
          const index = place % (body.length + 1);
          body = Buffer.concat([body.subarray(0, index), insert, body.subarray(index + drop)]);
        }
        const result = decoded(format, body, shape);
        if (result === undefined) return;
        format.check(body);
        // What came out is of its shape, since it can be encoded again.
        encoded(format, result, shape);
      }),
      { numRuns: 3000 },
    );
  });

  test("random bytes give a value or a fault", () => {
    fc.assert(
      fc.property(fc.constantFrom(...shapes), fc.uint8Array({ maxLength: 60 }), ({ shape }, bytes) => {
        decoded(format, bytes, shape);
      }),
      { numRuns: 3000 },
    );
  });

  test("a body for another operation gives a value or a fault", () => {
    const pairs = fc
      .tuple(fc.constantFrom(...shapes), fc.constantFrom(...shapes))
      .chain(([from, to]) => fc.tuple(valuesOf(from.shape), fc.constant(from), fc.constant(to)));
    fc.assert(
      fc.property(pairs, ([value, from, to]) => {
        decoded(format, encoded(format, value, from.shape), to.shape);
      }),
      { numRuns: 500 },
    );
  });
});

test("both formats decode the same value alike", () => {
  const bodies = fc
    .constantFrom(...shapes)
    .chain(({ shape }) => fc.record({ shape: fc.constant(shape), value: valuesOf(shape) }));
  fc.assert(
    fc.property(bodies, ({ shape, value }) => {
      const [fromJson, fromCbor] = formats.map((format) =>
        plain(format.decode(encoded(format, value, shape), shape)),
      );
      expect(fromJson).toEqual(fromCbor);
    }),
    { numRuns: 300 },
  );
});

describe("memory", () => {
  /** Bodies of a megabyte or so that a careless decoder would blow up. */
  const hostile: readonly (readonly [string, Format, Buffer])[] = [
    ["open lists", JSON_FORMAT, Buffer.from(`{"Records":${"[".repeat(1_000_000)}`)],
    ["empty structures", JSON_FORMAT, Buffer.from(`{"Records":[${"{},".repeat(400_000)}{}]}`)],
    ["unknown structures", JSON_FORMAT, Buffer.from(`{"x":[${"{},".repeat(400_000)}{}]}`)],
    ["a long number", JSON_FORMAT, Buffer.from(`{"x":${"9".repeat(1_000_000)}}`)],
    ["a long name", JSON_FORMAT, Buffer.from(`{"${"é".repeat(500_000)}":1}`)],
    ["escapes", JSON_FORMAT, Buffer.from(`{"StreamName":"${"\\u00e9".repeat(200_000)}"}`)],
    [
      "a promised gigabyte",
      CBOR_FORMAT,
      Buffer.concat([Buffer.from("a167", "hex"), Buffer.from("Records"), Buffer.from("9a3fffffff", "hex")]),
    ],
    [
      "empty maps",
      CBOR_FORMAT,
      Buffer.concat([
        Buffer.from("a167", "hex"),
        Buffer.from("Records"),
        Buffer.from("9f", "hex"),
        Buffer.alloc(1_000_000, 0xa0),
        Buffer.from("ff", "hex"),
      ]),
    ],
    [
      "tiny pieces",
      CBOR_FORMAT,
      Buffer.concat([
        Buffer.from("a16178", "hex"),
        Buffer.from("5f", "hex"),
        Buffer.alloc(1_000_000, Buffer.from("4100", "hex")),
        Buffer.from("ff", "hex"),
      ]),
    ],
  ];

  test.each(hostile)("%s (%o) cost no more than a small multiple of the body", (_what, format, body) => {
    const shape = kinesis.operations.PutRecords.input;
    decoded(format, body.subarray(0, 100), shape);
    const before = process.memoryUsage();
    const result = decoded(format, body, shape);
    const after = process.memoryUsage();
    const grownBytes = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers;
    expect(grownBytes).toBeLessThan(64 * 1024 * 1024);
    expect(result === undefined || typeof result === "object").toBe(true);
  });
});
