import {
  blob,
  boolean,
  integer,
  list,
  long,
  map,
  optional,
  string,
  structure,
  timestamp,
} from "@millrace/api";
import { describe, expect, test } from "vitest";
import { checkCbor, decodeCbor, SerializationFault } from "../index.ts";

const Inner = structure({ Name: optional(string()) });
const Everything = structure({
  S: optional(string()),
  B: optional(blob()),
  I: optional(integer()),
  L: optional(long()),
  T: optional(boolean()),
  W: optional(timestamp()),
  A: optional(list(string())),
  M: optional(map(string(), integer())),
  N: optional(Inner),
});

/** `hex` may have spaces and comments in parentheses. */
function bytesOf(hex: string): Buffer {
  return Buffer.from(hex.replace(/\([^)]*\)|\s/g, ""), "hex");
}

function decode(hex: string): unknown {
  return decodeCbor(bytesOf(hex), Everything);
}

function faultOf(bytes: Buffer): { message: string; malformed: boolean } {
  try {
    decodeCbor(bytes, Everything);
  } catch (error) {
    if (error instanceof SerializationFault) {
      return { message: error.message, malformed: error.malformed };
    }
    throw error;
  }
  throw new Error("nothing was thrown");
}

const malformed = { message: "", malformed: true };

describe("values", () => {
  test("definite and indefinite maps, lists, texts and byte strings are the same", () => {
    const expected = { S: "ab", B: Buffer.from([1, 2, 3]), A: ["x", "y"] };
    expect(decode("a3 6153 626162 6142 43010203 6141 82 6178 6179")).toEqual(expected);
    expect(
      decode("bf 7f6153ff 7f 6161 60 6162 ff 6142 5f 4101 420203 40 ff 6141 9f 6178 7f6179ff ff ff"),
    ).toEqual(expected);
  });

  test.each([
    ["17", 23],
    ["1818", 24],
    ["190100", 256],
    ["1a00010000", 65_536],
    ["1b0000000100000000", 2_147_483_647],
    ["20", -1],
    ["3903e7", -1000],
    ["3bffffffffffffffff", -2_147_483_648],
    ["f93e00", 1],
    ["f9be00", -1],
    ["fa41280000", 10],
    ["fb4059000000000000", 100],
    ["f97c00", 2_147_483_647],
    ["c101", 1],
    ["d9d9f7c10a", 10],
  ])("the integer %s is %i", (hex, expected) => {
    expect(decode(`a1 6149 ${hex}`)).toEqual({ I: expected });
  });

  test.each([
    ["c11b000001a1f926b22a", 1_795_181_425_194],
    ["c1fb42783a05ab62a8a8", 1_664_842_642_986.541],
    ["1b000001a1f926b22a", 1_795_181_425_194],
    ["c120", -1],
    ["c1f97c00", 253_402_300_799_999],
  ])("the timestamp %s is %d ms", (hex, expected) => {
    expect((decode(`a1 6157 ${hex}`) as { W: number }).W).toBeCloseTo(expected, 2);
  });

  test("null and undefined are absence, the last member of a name decides", () => {
    expect(decode("a3 6153f6 6142f7 6149f6")).toEqual({});
    expect(decode("a2 614905 614907")).toEqual({ I: 7 });
    expect(decode("a2 614905 6149f6")).toEqual({});
  });

  test("text is base64 where a blob is wanted", () => {
    expect(decode("a1 6142 6441514944")).toEqual({ B: Buffer.from([1, 2, 3]) });
  });

  test("unknown members and keys that are no text are dropped", () => {
    expect(decode("a5 6178 9f a1 01 02 5f 4101 ff ff  01 02  a10102 03  80 04  6153 6161")).toEqual({
      S: "a",
    });
  });

  test("blobs are views of the body", () => {
    const body = bytesOf("a1 6142 43010203");
    const { B } = decodeCbor(body, Everything);
    expect(B?.buffer).toBe(body.buffer);
  });
});

describe("values of the wrong type", () => {
  const number = "class com.amazon.coral.value.json.numbers.TruncatingBigNumber";
  test.each([
    ["6153 05", `${number} can not be converted to an String`],
    ["6153 4161", "class java.nio.HeapByteBuffer can not be converted to an String"],
    ["6153 80", "Start of list found where not expected"],
    ["6153 a0", "Start of structure or map found where not expected."],
    ["6142 05", `${number} can not be converted to a Blob`],
    [
      "6142 6141",
      "'A' can not be converted to a Blob: Base64 encoded length is expected a multiple of 4 bytes but found: 1",
    ],
    ["6149 6135", "class java.lang.String can not be converted to an Integer"],
    ["6149 f97e00", `${number} can not be converted to an Integer`],
    ["614c f5", "class java.lang.Boolean can not be converted to an Long"],
    ["6154 01", `${number} can not be converted to an Boolean`],
    ["6157 c16131", "class java.lang.String can not be converted to milliseconds since epoch"],
    ["6141 a0", "Start of structure or map found where not expected."],
    ["6141 05", "Expected list or null"],
    ["614d 05", "Expected map or null"],
    ["614e 6161", "Expected null"],
    ["6141 81f6", ""],
    ["614d a1 05 05", ""],
    ["6153 e0", ""],
  ])("%s: %s", (member, message) => {
    expect(faultOf(bytesOf(`a1 ${member}`))).toEqual({ message, malformed: false });
  });

  test("a body that is no CBOR is told as such even behind a wrong type", () => {
    expect(faultOf(bytesOf("a2 6153 05"))).toEqual(malformed);
    expect(faultOf(bytesOf("a1 6153 05 00"))).toEqual(malformed);
  });
});

describe("well-formedness", () => {
  test.each([
    ["", "nothing"],
    ["05", "a scalar"],
    ["ff", "a break"],
    ["a1", "a map cut off"],
    ["a1 6178", "a value cut off"],
    ["bf 6178 ff", "a break for a value"],
    ["a1 6178 ff", "a break in a definite map"],
    ["bf 6178 05", "an endless map"],
    ["a1 6178 7f 4161 ff", "bytes among the pieces of a text"],
    ["a1 6178 5f 5f4101ff ff", "an indefinite piece"],
    ["a1 6178 1c", "a reserved length"],
    ["a1 6178 1f", "an indefinite integer"],
    ["a1 6178 df05", "an indefinite tag"],
    ["bf c1 ff", "a tag on a break"],
    ["a1 6178 f805", "a small simple value in two bytes"],
    ["a1 6178 fc", "a reserved simple value"],
    ["a1 6178 61ff", "a text that is not UTF-8"],
    ["a1 61ff 05", "a key that is not UTF-8"],
    ["a0 00", "more behind the document"],
  ])("%s is refused: %s", (hex) => {
    expect(faultOf(bytesOf(hex))).toEqual(malformed);
    expect(() => checkCbor(bytesOf(hex))).toThrow(SerializationFault);
  });

  test.each(["5b00ffffffffffffff", "7affffffff", "9affffffff", "ba80000000", "9bffffffffffffffff"])(
    "the length %s costs nothing when it is a lie",
    (head) => {
      expect(faultOf(bytesOf(`a1 6178 ${head}`))).toEqual(malformed);
      expect(faultOf(bytesOf(`a1 6141 ${head}`))).toEqual(malformed);
    },
  );

  test("nesting is bounded, in keys too", () => {
    for (const unit of ["81", "9f", "a1", "a100", "bf"]) {
      const deep = Buffer.concat([bytesOf("a1 6178"), Buffer.from(unit.repeat(200_000), "hex")]);
      expect(faultOf(deep)).toEqual(malformed);
    }
    const shallow = `a1 6178 ${"81".repeat(100)} 00`;
    expect(decode(shallow)).toEqual({});
  });

  test("a million tiny pieces make one text", () => {
    const body = Buffer.concat([
      bytesOf("a1 6153 7f"),
      Buffer.from("6161".repeat(1_000_000), "hex"),
      bytesOf("ff"),
    ]);
    expect((decodeCbor(body, Everything).S ?? "").length).toBe(1_000_000);
  });

  test("tags may be many", () => {
    const body = Buffer.concat([bytesOf("a1 6149"), Buffer.alloc(1_000_000, 0xc1), bytesOf("05")]);
    expect(decodeCbor(body, Everything)).toEqual({ I: 5 });
  });
});
