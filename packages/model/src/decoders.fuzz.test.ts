/** What clients send back to us: numbers, names, iterators and tokens, as we gave them out and in every other form. */
import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  consumerArn,
  formatArn,
  formatSequenceNumber,
  formatShardId,
  GENERATION_MAX,
  openIterator,
  openPaginationToken,
  openToken,
  parseArn,
  parseHashKey,
  parseSequenceNumber,
  parseShardId,
  readAggregatedRecord,
  sealIterator,
  sealPaginationToken,
  sealToken,
  SHARD_INDEX_MAX,
  streamArn,
} from "./index.ts";

fc.configureGlobal({
  seed: Number(process.env["FUZZ_SEED"] ?? 1),
  numRuns: Number(process.env["FUZZ_RUNS"] ?? 100),
});

type Change = (text: string) => string;

/** What becomes of a text on its way: parts lost, doubled, put in, exchanged. Places are modulo its length. */
const changes: fc.Arbitrary<Change> = fc
  .record({
    kind: fc.constantFrom("cut", "remove", "insert", "replace", "repeat", "wrap"),
    at: fc.nat(),
    length: fc.integer({ min: 1, max: 4 }),
    part: fc.oneof(
      fc.string({ unit: fc.constantFrom(...'0123456789abzAZ+/-_=:. \n\0"'), minLength: 1, maxLength: 3 }),
      fc.constantFrom("\ud800", "\u0661", "9".repeat(60)),
    ),
  })
  .map(({ kind, at, length, part }) => {
    const change: Change = (text) => {
      const place = at % (text.length + 1);
      const [before, after] = [text.slice(0, place), text.slice(place)];
      switch (kind) {
        case "cut":
          return before;
        case "remove":
          return before + after.slice(length);
        case "insert":
          return before + part + after;
        case "replace":
          return before + part + after.slice(part.length);
        case "repeat":
          return before + after.slice(0, length) + after;
        case "wrap":
          return part + text + part;
      }
    };
    return Object.assign(change, { toString: () => `${kind} at ${at} (${length}, ${JSON.stringify(part)})` });
  });

const anyText = fc.oneof(fc.string(), fc.string({ unit: "binary" }), fc.string({ unit: "grapheme" }));

describe("sequence numbers", () => {
  const bits = (width: number) => fc.bigInt({ min: 0n, max: (1n << BigInt(width)) - 1n });
  /** Every field as wide as its place, allowed or not, the reserved one mostly empty. */
  const numbers = fc
    .record({
      generation: fc.oneof(
        { weight: 3, arbitrary: fc.nat(GENERATION_MAX).map(BigInt) },
        { weight: 1, arbitrary: bits(37) },
        { weight: 1, arbitrary: fc.integer({ min: -1, max: 2 }).map((by) => BigInt(GENERATION_MAX + by)) },
      ),
      reserved: fc.oneof({ weight: 4, arbitrary: fc.constant(0n) }, { weight: 1, arbitrary: bits(36) }),
      shardIndex: fc.oneof({ weight: 4, arbitrary: bits(31) }, { weight: 1, arbitrary: bits(32) }),
      entryIndex: fc.oneof({ weight: 4, arbitrary: bits(53) }, { weight: 1, arbitrary: bits(64) }),
      recordIndex: bits(16),
    })
    .map(
      ({ generation, reserved, shardIndex, entryIndex, recordIndex }) =>
        (1n << 185n) +
        (generation << 148n) +
        (reserved << 112n) +
        (shardIndex << 80n) +
        (entryIndex << 16n) +
        recordIndex,
    );

  function expectCanonical(text: string): void {
    const fields = parseSequenceNumber(text);
    if (fields !== undefined) expect(formatSequenceNumber(fields)).toBe(text);
  }

  test("a number has fields only if it is printed from them", () => {
    fc.assert(fc.property(numbers, (number) => expectCanonical(String(number))));
  });

  test("the generation behind the last one, of which a part begins with 49, is none", () => {
    const beyond = (1n << 185n) + (BigInt(GENERATION_MAX + 1) << 148n) + (1n << 16n);
    expect(String(beyond)).toMatch(/^49\d{54}$/);
    expect(parseSequenceNumber(String(beyond))).toBeUndefined();
    expect(parseSequenceNumber(String(beyond - (1n << 148n)))?.generation).toBe(GENERATION_MAX);
  });

  test("changed numbers and texts of any kind have fields only if they are printed from them", () => {
    fc.assert(fc.property(numbers, changes, (number, change) => expectCanonical(change(String(number)))));
    fc.assert(fc.property(anyText, expectCanonical));
    fc.assert(
      fc.property(fc.bigInt({ min: 49n * 10n ** 54n, max: 5n * 10n ** 55n }).map(String), expectCanonical),
    );
  });
});

describe("hash keys and shard ids", () => {
  const decimals = fc.oneof(fc.bigInt({ min: -1n, max: 1n << 129n }).map(String), anyText);

  test("a hash key has one spelling", () => {
    fc.assert(
      fc.property(decimals, changes, (text, change) => {
        for (const spelling of [text, change(text)]) {
          const hashKey = parseHashKey(spelling);
          if (hashKey !== undefined) expect(String(hashKey)).toBe(spelling);
        }
      }),
    );
  });

  test("a shard id of any spelling is an index that there can be, or none", () => {
    const ids = fc.oneof(fc.nat(0xffff_ffff).map(formatShardId), fc.nat().map(String), anyText);
    fc.assert(
      fc.property(ids, changes, (id, change) => {
        for (const spelling of [id, change(id)]) {
          const index = parseShardId(spelling);
          if (index === undefined) continue;
          expect(index).toBeLessThanOrEqual(SHARD_INDEX_MAX);
          expect(parseShardId(formatShardId(index))).toBe(index);
        }
      }),
    );
  });
});

describe("resource names", () => {
  const name = fc.stringMatching(/^[a-zA-Z0-9_.-]{1,128}$/);
  const region = fc.constantFrom("us-east-1", "cn-north-1", "us-gov-west-1");
  const arns = fc.oneof(
    fc.tuple(region, name).map(([of, stream]) => streamArn(of, "123456789012", stream)),
    fc
      .tuple(region, name, name, fc.nat())
      .map(([of, stream, consumer, created]) =>
        consumerArn(streamArn(of, "123456789012", stream), consumer, created),
      ),
    name.map((channel) => `arn:aws:kinesis:us-east-1:123456789012:channel/${channel}`),
  );

  /** Zeros in front of a consumer's second are the one thing that is not kept. */
  const canonical = (arn: string) => arn.replace(/(:stream\/.*):0+(?=\d+$)/, "$1:");

  test("a name that is taken apart is put together again", () => {
    fc.assert(
      fc.property(fc.oneof(arns, anyText), changes, (arn, change) => {
        for (const text of [arn, change(arn)]) {
          const parts = parseArn(text);
          if (parts !== undefined) expect(formatArn(parts)).toBe(canonical(text));
        }
      }),
    );
    fc.assert(
      fc.property(arns, (arn) => {
        expect(formatArn(parseArn(arn)!)).toBe(arn);
      }),
    );
  });

  test("a text of millions of characters is answered like any other", () => {
    const long = "a".repeat(1_000_000);
    expect(parseArn(`arn:aws${long}:kinesis:${long}:123456789012:stream/${long}`)).toBeUndefined();
    expect(
      parseArn(`arn:aws:kinesis:r:123456789012:stream/${"a/consumer/".repeat(100_000)}`),
    ).toBeUndefined();
    expect(parseArn("arn:aws".repeat(100_000))).toBeUndefined();
  });
});

describe("sealed tokens", () => {
  const secret = Buffer.alloc(32, 7);
  const iterators = fc.record({
    incarnation: fc
      .uint8Array({ minLength: 8, maxLength: 8 })
      .map((bytes) => Buffer.from(bytes).toString("hex")),
    streamName: fc.stringMatching(/^[a-zA-Z0-9_.-]{1,128}$/),
    shardIndex: fc.nat(SHARD_INDEX_MAX),
    position: fc.record({ entryIndex: fc.maxSafeNat(), recordIndex: fc.nat(65_536) }),
    createdMs: fc.maxSafeNat(),
    expiresMs: fc.maxSafeNat(),
  });
  const pages = fc.record({ expiresMs: fc.maxSafeNat(), page: fc.jsonValue() });
  const tokens = fc.oneof(
    iterators.map((iterator) => sealIterator(secret, iterator)),
    pages.map((token) => sealPaginationToken(secret, "ListShards", token)),
    fc.uint8Array().map((payload) => sealToken(secret, "shard iterator", payload)),
  );

  function isOpened(text: string): boolean {
    const opened = [
      openIterator(secret, text),
      openPaginationToken(secret, "ListShards", text),
      openPaginationToken(secret, "ListStreams", text),
      openToken(secret, "shard iterator", text),
    ];
    return opened.some((value) => value !== undefined);
  }

  test("a page of any content comes back with its token", () => {
    fc.assert(
      fc.property(pages, (token) => {
        const opened = openPaginationToken(
          secret,
          "ListShards",
          sealPaginationToken(secret, "ListShards", token),
        );
        expect(opened).toEqual(JSON.parse(JSON.stringify(token)));
      }),
    );
  });

  test("a token with flipped bits, cut, or put together from two does not open", () => {
    fc.assert(
      fc.property(tokens, tokens, fc.nat(), fc.nat(7), fc.nat(), (token, other, at, bit, end) => {
        const [bytes, others] = [Buffer.from(token, "base64"), Buffer.from(other, "base64")];
        const flipped = Buffer.from(bytes);
        flipped[at % bytes.length]! ^= 1 << bit;
        expect(isOpened(flipped.toString("base64"))).toBe(false);
        expect(isOpened(bytes.subarray(0, end % bytes.length).toString("base64"))).toBe(false);
        for (const from of [at % bytes.length, 16]) {
          const spliced = Buffer.concat([bytes.subarray(0, from), others.subarray(from)]);
          if (!spliced.equals(bytes) && !spliced.equals(others)) {
            expect(isOpened(spliced.toString("base64"))).toBe(false);
          }
        }
      }),
    );
  });

  test("no other spelling of a token opens, but for an iterator in double quotes", () => {
    fc.assert(
      fc.property(tokens, changes, (token, change) => {
        const text = change(token);
        if (text !== token && text !== `"${token}"`) expect(isOpened(text)).toBe(false);
        for (const spelling of [
          token.replaceAll("=", ""),
          token.replaceAll("+", "-").replaceAll("/", "_"),
          `${token}=`,
          ` ${token}`,
          `${token}\n`,
          `"${token}`,
          `""${token}""`,
        ]) {
          if (spelling !== token) expect(isOpened(spelling)).toBe(false);
        }
      }),
    );
    fc.assert(
      fc.property(anyText, (text) => {
        expect(isOpened(text)).toBe(false);
      }),
    );
  });

  test("what another version sealed is opened or refused without an error", () => {
    const payloads = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.json().map((json) => Buffer.from(json)),
      fc.uint8Array({ minLength: 41, maxLength: 180 }).map((bytes) => Uint8Array.from([1, ...bytes])),
    );
    fc.assert(
      fc.property(payloads, (payload) => {
        const page = openPaginationToken(secret, "A", sealToken(secret, "next token A", payload));
        expect(page === undefined || "page" in page).toBe(true);
        const iterator = openIterator(secret, sealToken(secret, "shard iterator", payload));
        if (iterator === undefined) return;
        expect(openIterator(secret, sealIterator(secret, iterator))).toEqual(iterator);
      }),
    );
  });
});

describe("aggregated records", () => {
  const varint = (value: number): number[] =>
    value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)];
  const bytesField = (field: number, bytes: Uint8Array) => [field * 8 + 2, ...varint(bytes.length), ...bytes];
  const records = fc.array(fc.tuple(fc.nat(3), fc.option(fc.nat(2)), fc.uint8Array({ maxLength: 40 })), {
    maxLength: 8,
  });

  function messageOf(list: readonly (readonly [number, number | null, Uint8Array])[]): Buffer {
    const keys = ["a", "key", "ü"].flatMap((key) => bytesField(1, Buffer.from(key)));
    const hashKeys = ["0", "42"].flatMap((hashKey) => bytesField(2, Buffer.from(hashKey)));
    const parts = list.flatMap(([key, hashKey, data]) =>
      bytesField(
        3,
        Uint8Array.from([8, key, ...(hashKey === null ? [] : [16, hashKey]), ...bytesField(3, data)]),
      ),
    );
    return Buffer.from([...keys, ...hashKeys, ...parts]);
  }

  const sealed = (message: Uint8Array) =>
    Buffer.concat([Buffer.from("f3899ac2", "hex"), message, createHash("md5").update(message).digest()]);

  test("an aggregate is taken whole, or is an ordinary record when a key is not in its tables", () => {
    fc.assert(
      fc.property(records, (list) => {
        const read = readAggregatedRecord(sealed(messageOf(list)));
        const valid = list.every(([key, hashKey]) => key < 3 && (hashKey === null || hashKey < 2));
        expect(read?.map(({ data }) => [...data])).toEqual(
          valid ? list.map(([, , data]) => [...data]) : undefined,
        );
      }),
    );
  });

  test("of a damaged message under a right digest nothing is read that is not in its bytes", () => {
    fc.assert(
      fc.property(
        records,
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
        fc.nat(),
        (list, damage, cut) => {
          const message = messageOf(list);
          for (const [at, byte] of damage) message[at % message.length] = byte;
          const data = sealed(message.subarray(0, message.length - (cut % 4)));
          const read = readAggregatedRecord(data) ?? [];
          // A user record takes at least 6 bytes.
          expect(read.length * 6).toBeLessThanOrEqual(data.length);
          for (const [place, record] of read.entries()) {
            expect(record.subSequenceNumber).toBe(place);
            const start = record.data.byteOffset - data.byteOffset;
            expect(record.data.buffer).toBe(data.buffer);
            expect(start >= 4 && start + record.data.length <= data.length - 16).toBe(true);
          }
        },
      ),
    );
  });

  test("an unsealed or changed aggregate is an ordinary record", () => {
    fc.assert(
      fc.property(records, fc.nat(), fc.nat(7), (list, at, bit) => {
        const data = sealed(messageOf(list));
        data[at % data.length]! ^= 1 << bit;
        expect(readAggregatedRecord(data)).toBeUndefined();
      }),
    );
  });
});
