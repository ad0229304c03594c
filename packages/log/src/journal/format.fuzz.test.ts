import { crc32 } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { damaged, damageOf, decodedOrRefused, flipsOf } from "../damaged-bytes.ts";
import {
  BLOCK_HEADER_BYTES,
  decodeSegmentHeader,
  encodeSegmentHeader,
  ENTRY_HEADER_BYTES,
  readBlockHeader,
  readEntry,
  SEGMENT_HEADER_BYTES,
  UnknownFormatError,
  writeBlockHeader,
  writeEntry,
  type BlockHeader,
  type Entry,
  type EntryHeader,
} from "./format.ts";

fc.configureGlobal({
  seed: Number(process.env["FUZZ_SEED"] ?? 1),
  numRuns: Number(process.env["FUZZ_RUNS"] ?? 100),
});

const damages = fc.nat().map(damageOf);
const flips = fc.nat().map(flipsOf);

const u16 = fc.nat(0xffff);
const u32 = fc.nat(0xffff_ffff);
const u64 = fc.maxSafeNat();
const salts = fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn });
const anyBytes = fc.uint8Array({ maxLength: 300 });

/** So many 64-bit fields, some of which hold what a JavaScript number cannot. */
function words(count: number): fc.Arbitrary<Buffer> {
  const word = fc.oneof(
    { weight: 4, arbitrary: u64.map(BigInt) },
    { weight: 1, arbitrary: salts },
    { weight: 1, arbitrary: fc.constantFrom(2n ** 53n - 1n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n) },
  );
  return fc.array(word, { minLength: count, maxLength: count }).map((values) => {
    const bytes = Buffer.alloc(count * 8);
    values.forEach((value, i) => bytes.writeBigUInt64LE(value, i * 8));
    return bytes;
  });
}

function allSafe(fields: Buffer): boolean {
  for (let at = 0; at < fields.length; at += 8) {
    if (fields.readBigUInt64LE(at) > BigInt(Number.MAX_SAFE_INTEGER)) return false;
  }
  return true;
}

describe("segment headers", () => {
  const headers = fc.record({
    kind: fc.constantFrom("journal" as const, "cold" as const),
    epoch: u32,
    salt: salts,
    segmentNumber: u64,
    createdMs: u64,
  });
  const decode = (bytes: Buffer) =>
    decodedOrRefused(() => decodeSegmentHeader(bytes, "the file"), UnknownFormatError);

  test("a header reads back as it was written", () => {
    fc.assert(
      fc.property(headers, (header) => {
        expect(decodeSegmentHeader(encodeSegmentHeader(header), "the file")).toEqual(header);
      }),
    );
  });

  test("a damaged header is refused, and never another one", () => {
    fc.assert(
      fc.property(headers, headers, damages, (header, other, damage) => {
        const bytes = damaged(encodeSegmentHeader(header), damage, encodeSegmentHeader(other));
        const decoded = decode(bytes);
        if (decoded === undefined || bytes.equals(encodeSegmentHeader(other))) return;
        expect(decoded).toEqual(header);
      }),
    );
  });

  test("fields of any value under a right checksum are a header if the format allows them", () => {
    fc.assert(
      fc.property(headers, fc.nat(3), words(3), (header, kind, fields) => {
        const bytes = encodeSegmentHeader(header);
        bytes.writeUInt16LE(kind, 10);
        bytes.set(fields, 16);
        bytes.writeUInt32LE(crc32(bytes.subarray(0, SEGMENT_HEADER_BYTES - 4)), SEGMENT_HEADER_BYTES - 4);
        const decoded = decode(bytes);
        const allowed = (kind === 1 || kind === 2) && allSafe(fields.subarray(8));
        expect(decoded !== undefined).toBe(allowed);
        if (decoded !== undefined) expect(encodeSegmentHeader(decoded).equals(bytes)).toBe(true);
      }),
    );
  });

  test("bytes of any kind are refused", () => {
    fc.assert(
      fc.property(anyBytes, fc.boolean(), (bytes, whole) => {
        const page = Buffer.alloc(whole ? SEGMENT_HEADER_BYTES : bytes.length);
        page.set(bytes);
        expect(decode(page)).toBeUndefined();
        page.write("MILLRACE", "latin1");
        expect(decode(page)).toBeUndefined();
      }),
    );
  });
});

describe("block headers", () => {
  const headers: fc.Arbitrary<BlockHeader> = fc.record({
    flags: u16,
    salt: salts,
    commit: u64,
    durableUpTo: u64,
    epoch: u32,
    length: u32,
    entryCount: u32,
    serviceMs: u64,
    entriesCrc: u32,
  });
  const encode = (header: BlockHeader, at = 0) => {
    const bytes = Buffer.alloc(at + BLOCK_HEADER_BYTES, 0xaa);
    writeBlockHeader(bytes, at, header);
    return bytes;
  };

  test("a header reads back as it was written, with its segment's salt only", () => {
    fc.assert(
      fc.property(headers, fc.nat(5000), salts, (header, at, salt) => {
        const bytes = encode(header, at);
        expect(readBlockHeader(bytes, at, header.salt)).toEqual(header);
        expect(readBlockHeader(bytes, at, salt)).toEqual(salt === header.salt ? header : undefined);
      }),
    );
  });

  test("a damaged header is none, and never another one", () => {
    fc.assert(
      fc.property(headers, headers, damages, (header, other, damage) => {
        const ofSegment = { ...other, salt: header.salt };
        const bytes = damaged(encode(header), damage, encode(ofSegment));
        const decoded = readBlockHeader(bytes, 0, header.salt);
        if (decoded === undefined || bytes.equals(encode(ofSegment))) return;
        expect(decoded).toEqual(header);
      }),
    );
  });

  test("fields of any value under a right checksum are a header if the format allows them", () => {
    fc.assert(
      fc.property(headers, words(3), (header, fields) => {
        const bytes = encode(header);
        bytes.set(fields.subarray(0, 16), 16);
        bytes.set(fields.subarray(16), 48);
        bytes.writeUInt32LE(crc32(bytes.subarray(0, 60)), 60);
        const decoded = readBlockHeader(bytes, 0, header.salt);
        expect(decoded !== undefined).toBe(allSafe(fields));
        if (decoded !== undefined) expect(encode(decoded).equals(bytes)).toBe(true);
      }),
    );
  });

  test("bytes of any kind are none, wherever it is looked for", () => {
    fc.assert(
      fc.property(anyBytes, fc.nat(310), salts, (bytes, at, salt) => {
        expect(readBlockHeader(Buffer.from(bytes), at, salt)).toBeUndefined();
      }),
    );
  });
});

describe("entries", () => {
  const entries = fc.array(
    fc.record({
      kind: fc.constantFrom(1, 2),
      recordCount: u16,
      logId: u32,
      index: u64,
      arrivalMs: u64,
      payload: fc.uint8Array({ maxLength: 200 }),
    }),
    { minLength: 1, maxLength: 6 },
  );
  type Written = EntryHeader & { readonly payload: Uint8Array };

  function layOut(written: readonly Written[]): Buffer {
    const bytes = Buffer.alloc(
      written.reduce((sum, { payload }) => sum + ENTRY_HEADER_BYTES + payload.length, 0),
    );
    let at = 0;
    for (const { payload, ...header } of written) {
      writeEntry(bytes, at, header, payload);
      at += ENTRY_HEADER_BYTES + payload.length;
    }
    return bytes;
  }

  function readAll(bytes: Buffer): Entry[] {
    const read: Entry[] = [];
    for (let at = 0; ;) {
      const entry = readEntry(bytes, at, bytes.length);
      if (entry === undefined) return read;
      expect(entry.end).toBe(at + ENTRY_HEADER_BYTES + entry.payload.length);
      expect(entry.end).toBeLessThanOrEqual(bytes.length);
      read.push(entry);
      at = entry.end;
    }
  }

  const plain = ({ kind, recordCount, logId, index, arrivalMs, payload }: Written) =>
    JSON.stringify([kind, recordCount, logId, index, arrivalMs, Buffer.from(payload).toString("hex")]);

  test("entries laid end to end read back as they were written", () => {
    fc.assert(
      fc.property(entries, (written) => {
        expect(readAll(layOut(written)).map(plain)).toEqual(written.map(plain));
      }),
    );
  });

  test("an entry does not reach beyond the limit", () => {
    fc.assert(
      fc.property(entries, fc.nat(), (written, limit) => {
        const bytes = layOut(written);
        const end = ENTRY_HEADER_BYTES + written[0]!.payload.length;
        expect(readEntry(bytes, 0, limit % end)).toBeUndefined();
      }),
    );
  });

  test("of damaged entries none is read that was not written", () => {
    fc.assert(
      fc.property(entries, entries, damages, (written, others, damage) => {
        const known = new Set([...written, ...others].map(plain));
        for (const entry of readAll(damaged(layOut(written), damage, layOut(others)))) {
          expect(known.has(plain(entry))).toBe(true);
        }
      }),
    );
  });

  test("with flipped bits the entries in front of them are all that is read", () => {
    fc.assert(
      fc.property(entries, flips, (written, damage) => {
        const bytes = layOut(written);
        const flipped = damaged(bytes, damage);
        const differs = bytes.findIndex((byte, at) => byte !== flipped[at]);
        const intact = readAll(bytes).filter(({ end }) => differs < 0 || end <= differs);
        expect(readAll(flipped).map(plain)).toEqual(intact.map(plain));
      }),
    );
  });

  test("fields of any value under a right checksum are an entry if the format allows them", () => {
    fc.assert(
      fc.property(entries, words(2), (written, fields) => {
        const bytes = layOut(written.slice(0, 1));
        bytes.set(fields, 16);
        bytes.writeUInt32LE(crc32(bytes.subarray(4)), 0);
        const entry = readEntry(bytes, 0, bytes.length);
        expect(entry !== undefined).toBe(allSafe(fields));
        if (entry !== undefined) expect(layOut([entry]).equals(bytes)).toBe(true);
      }),
    );
  });

  test("bytes of any kind, checked or not, are an entry within the limit or none", () => {
    fc.assert(
      fc.property(anyBytes, fc.nat(310), fc.boolean(), (bytes, at, verify) => {
        const entry = readEntry(Buffer.from(bytes), at, bytes.length, verify);
        if (entry === undefined) return;
        expect(entry.end).toBeLessThanOrEqual(bytes.length);
        expect(entry.index).toBeLessThanOrEqual(Number.MAX_SAFE_INTEGER);
      }),
    );
  });
});
