import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  openIterator,
  openPaginationToken,
  openToken,
  sealIterator,
  sealPaginationToken,
  sealToken,
} from "./index.ts";

const secret = Buffer.alloc(32, 7);
const otherSecret = Buffer.alloc(32, 8);

const iterators = fc.record({
  incarnation: fc
    .uint8Array({ minLength: 8, maxLength: 8 })
    .map((bytes) => Buffer.from(bytes).toString("hex")),
  streamName: fc.stringMatching(/^[a-zA-Z0-9_.-]{1,128}$/),
  shardIndex: fc.nat(2 ** 31 - 1),
  position: fc.record({ entryIndex: fc.maxSafeNat(), recordIndex: fc.nat(65_536) }),
  createdMs: fc.maxSafeNat(),
  expiresMs: fc.maxSafeNat(),
});

describe("shard iterators", () => {
  test("an iterator opens to what was sealed, bare or in double quotes, and is at most 512 characters long", () => {
    fc.assert(
      fc.property(iterators, (iterator) => {
        const text = sealIterator(secret, iterator);
        expect(text.length).toBeLessThanOrEqual(512);
        expect(openIterator(secret, text)).toEqual(iterator);
        expect(openIterator(secret, `"${text}"`)).toEqual(iterator);
      }),
    );
  });

  test("an iterator with one changed character does not open", () => {
    fc.assert(
      fc.property(
        iterators,
        fc.nat(75),
        fc.constantFrom("A", "Q", "z", "/", " "),
        (iterator, at, character) => {
          const text = sealIterator(secret, iterator);
          const forged = text.slice(0, at) + character + text.slice(at + 1);
          expect(openIterator(secret, forged) === undefined).toBe(forged !== text);
        },
      ),
    );
  });

  test("text of any kind does not open", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(openIterator(secret, text)).toBeUndefined();
      }),
    );
  });

  test("an iterator of another server does not open", () => {
    const [iterator] = fc.sample(iterators, 1);
    expect(openIterator(otherSecret, sealIterator(secret, iterator!))).toBeUndefined();
  });
});

describe("sealed tokens", () => {
  test("a token of one purpose is none of another", () => {
    const token = sealToken(secret, "one", Buffer.from("payload"));
    expect(Buffer.from(openToken(secret, "one", token)!).toString()).toBe("payload");
    expect(openToken(secret, "other", token)).toBeUndefined();
  });

  test("a pagination token carries its page to the listing that made it", () => {
    const token = sealPaginationToken(secret, "ListShards", { expiresMs: 5, page: { after: 7 } });
    expect(openPaginationToken(secret, "ListShards", token)).toEqual({ expiresMs: 5, page: { after: 7 } });
    expect(openPaginationToken(secret, "ListStreams", token)).toBeUndefined();
  });
});
