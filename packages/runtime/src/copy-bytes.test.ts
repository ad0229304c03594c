import { describe, expect, it } from "vitest";
import { sharedBytes } from "./byte-pool.ts";
import { copierOf, isShared } from "./copy-bytes.ts";

const TARGET_BYTES = 2_000;
const memories = {
  "of this thread": (bytes: number) => Buffer.alloc(bytes),
  "that threads share": sharedBytes,
};

describe("copying bytes", () => {
  for (const [fromName, from] of Object.entries(memories)) {
    for (const [toName, to] of Object.entries(memories)) {
      it.each([0, 1, 511, 512, 1_024])(
        `from memory ${fromName} to memory ${toName} copies %i bytes and touches no other`,
        (length) => {
          const source = from(length);
          for (let at = 0; at < length; at += 1) source[at] = 1 + (at % 251);
          const target = to(TARGET_BYTES);
          const shared = isShared(source) ? source : target;
          copierOf(shared)(target, 3, source);
          const expected = Buffer.concat([Buffer.alloc(3), source, Buffer.alloc(TARGET_BYTES - 3 - length)]);
          expect(Buffer.compare(target, expected)).toBe(0);
        },
      );
    }
  }

  it("tells which memory threads share", () => {
    expect(isShared(sharedBytes(8))).toBe(true);
    expect(isShared(sharedBytes(8).subarray(2, 4))).toBe(true);
    expect(isShared(Buffer.alloc(8))).toBe(false);
  });
});
