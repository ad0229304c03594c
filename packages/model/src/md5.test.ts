import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { md5Words } from "./md5.ts";

function digestOf(bytes: Uint8Array, start = 0, end = bytes.length): string {
  const words = new Uint32Array(6);
  md5Words(bytes, start, end, words, 1);
  expect([words[0], words[5]]).toEqual([0, 0]);
  return [...words.subarray(1, 5)].map((word) => word.toString(16).padStart(8, "0")).join("");
}

test("the digest of nothing is that of RFC 1321", () => {
  expect(digestOf(new Uint8Array(0))).toBe("d41d8cd98f00b204e9800998ecf8427e");
});

test("every length from none to three blocks hashes as the platform's MD5 does", () => {
  for (let length = 0; length <= 192; length += 1) {
    const bytes = Buffer.from(Array.from({ length }, (_, index) => (index * 131 + length) & 0xff));
    expect(digestOf(bytes)).toBe(createHash("md5").update(bytes).digest("hex"));
  }
});

test("a range hashes as its bytes alone do, whatever was hashed before", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 130 }), fc.nat(20), fc.nat(20), (bytes, before, behind) => {
      const around = Buffer.concat([Buffer.alloc(before, 0xff), bytes, Buffer.alloc(behind, 0xff)]);
      expect(digestOf(around, before, before + bytes.length)).toBe(
        createHash("md5").update(bytes).digest("hex"),
      );
    }),
    { seed: 1 },
  );
});
