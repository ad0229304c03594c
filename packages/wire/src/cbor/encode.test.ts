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
import { decodeCbor, encodeCbor } from "../index.ts";

const Everything = structure({
  S: optional(string()),
  B: optional(blob()),
  I: optional(integer()),
  L: optional(long()),
  T: optional(boolean()),
  W: optional(timestamp()),
  A: optional(list(string())),
  M: optional(map(string(), integer())),
});

function hex(value: Parameters<typeof encodeCbor<typeof Everything>>[0]): string {
  return Buffer.concat(encodeCbor(value, Everything)).toString("hex");
}

describe("encodeCbor", () => {
  test("maps and lists are of indefinite length, texts and bytes of definite length", () => {
    expect(hex({ S: "ab", B: Uint8Array.of(1, 2), A: ["x"], M: { k: 1 } })).toBe(
      "bf6153626162614242010261419f6178ff614dbf616b01ffff",
    );
    expect(hex({})).toBe("bfff");
  });

  test("a timestamp is tag 1 on whole milliseconds", () => {
    expect(hex({ W: 1_795_181_425_194.4 })).toBe("bf6157c11b000001a1f926b22aff");
    expect(hex({ W: -1 })).toBe("bf6157c120ff");
  });

  test.each([
    [0, "00"],
    [23, "17"],
    [24, "1818"],
    [255, "18ff"],
    [256, "190100"],
    [65_536, "1a00010000"],
    [4_294_967_296, "1b0000000100000000"],
    [2 ** 63, "1b8000000000000000"],
    [-1, "20"],
    [-25, "3818"],
  ])("%d takes the fewest bytes", (value, expected) => {
    expect(hex({ L: value })).toBe(`bf614c${expected}ff`);
  });

  test("booleans", () => {
    expect(hex({ T: true })).toBe("bf6154f5ff");
    expect(hex({ T: false })).toBe("bf6154f4ff");
  });

  test("large blobs leave by reference", () => {
    const data = Buffer.alloc(100_000, 7);
    const pieces = encodeCbor({ B: data, S: "after" }, Everything);
    expect(pieces).toContain(data);
    expect(decodeCbor(Buffer.concat(pieces), Everything)).toEqual({ B: data, S: "after" });
  });

  test("a value that is not of its shape is a mistake of the caller", () => {
    expect(() => encodeCbor({ I: 1.5 }, Everything)).toThrow(TypeError);
    expect(() => encodeCbor({ W: Number.NaN }, Everything)).toThrow(TypeError);
  });
});
