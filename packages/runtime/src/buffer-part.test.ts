import { expect, test } from "vitest";
import { BufferPart } from "./index.ts";

test("a part of a Buffer's memory is a Buffer like any other, and no copy", () => {
  const whole = Buffer.from("some text");
  const part = new BufferPart(whole.buffer, whole.byteOffset + 5, 4);
  expect(part).toStrictEqual(whole.subarray(5));
  expect(Buffer.isBuffer(part) && part.toString()).toBe("text");
  whole[5] = 0x6e;
  expect(part.toString()).toBe("next");
});

test("there is no part behind the end of the memory", () => {
  expect(() => new BufferPart(new ArrayBuffer(8), 4, 5)).toThrow(RangeError);
});
