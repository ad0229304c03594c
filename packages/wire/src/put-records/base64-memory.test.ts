import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeBase64 } from "../base64.ts";
import { Base64Memory } from "./base64-memory.ts";

const QUOTE = 0x22;
/** 32 MiB. */
const MEMORY_BYTES = 512 * 65_536;

test("this machine has the instructions, in memory of its own and in memory that threads share", () => {
  expect(Base64Memory.create("own")).toBeDefined();
  const shared = Base64Memory.create("shared")!.copyOf(Buffer.from('""'))!;
  expect(shared.bytes.buffer).toBeInstanceOf(SharedArrayBuffer);
});

test("every byte in every place of a block belongs to base64 or does not, as the reference decoder says", () => {
  const memory = Base64Memory.create("own")!;
  // Four blocks in one turn, one by itself, and a rest.
  const good = randomBytes(3 * 22).toString("base64");
  for (let place = 0; place < good.length; place += 1) {
    for (let code = 0; code < 256; code += 1) {
      if (code === QUOTE) continue;
      const text = good.slice(0, place) + String.fromCharCode(code) + good.slice(place + 1);
      const copy = memory.copyOf(Buffer.from(`"${text}"`, "latin1"))!;
      const length = copy.decode(1);
      const isDecoded = length >= 0 && copy.end === text.length + 1;
      const hex = isDecoded ? copy.bytes.toString("hex", 1, 1 + length) : undefined;
      copy.release();
      if (hex !== decodeBase64(text)?.toString("hex")) expect.fail(`${text} was decoded to ${hex}`);
    }
  }
});

test.each(["own", "shared"] as const)(
  "in %s memory data of any length is decoded to what the reference decoder says, and nothing around it changes",
  (kind) => {
    const memory = Base64Memory.create(kind)!;
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 4 }), fc.nat(20), (datas, gap) => {
        const between = " ".repeat(gap);
        const body = Buffer.from(
          datas.map((data) => `"${Buffer.from(data).toString("base64")}"`).join(between),
        );
        const copy = memory.copyOf(body)!;
        const expected = Buffer.from(body);
        let at = 0;
        for (const data of datas) {
          expect(copy.decode(at + 1)).toBe(data.length);
          expect(copy.bytes.subarray(at + 1, at + 1 + data.length)).toEqual(Buffer.from(data));
          expect(body[copy.end]).toBe(QUOTE);
          copy.bytes.copy(expected, at + 1, at + 1, copy.end);
          at = copy.end + 1 + gap;
        }
        expect(copy.bytes).toEqual(expected);
        copy.release();
      }),
    );
  },
);

test("copies that are held lie side by side, and there is no room for more than the memory holds", () => {
  const memory = Base64Memory.create("own")!;
  const bodies = Array.from({ length: 8 }, (_, index) => Buffer.alloc(MEMORY_BYTES / 8, index + 1));
  const copies = bodies.map((body) => memory.copyOf(body)!);
  expect(memory.copyOf(Buffer.from('""'))).toBeUndefined();
  for (const [index, copy] of copies.entries()) expect(copy.bytes.equals(bodies[index]!)).toBe(true);
  copies[3]!.release();
  copies[4]!.release();
  expect(memory.copyOf(Buffer.alloc(MEMORY_BYTES / 4 + 1))).toBeUndefined();
  const large = memory.copyOf(Buffer.alloc(MEMORY_BYTES / 4, "x"))!;
  for (const index of [0, 1, 2, 5, 6, 7])
    expect(copies[index]!.bytes.equals(bodies[index]!), `copy ${index}`).toBe(true);
  large.release();
  expect(memory.copyOf(Buffer.from('""'))).toBeDefined();
});
