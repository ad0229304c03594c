import { crc32 } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { damaged, damageOf, decodedOrRefused } from "../damaged-bytes.ts";
import {
  decodePage,
  decodeSummaries,
  decodeTrailer,
  encodeFooter,
  ROWS_PER_PAGE,
  sortRows,
  summariesBytes,
  summariesOffset,
  summarize,
  TRAILER_BYTES,
  type FooterFacts,
  type Row,
  type Summary,
  type Trailer,
} from "./footer.ts";
import { ALIGNMENT_BYTES, ENTRY_HEADER_BYTES, SEGMENT_HEADER_BYTES, UnknownFormatError } from "./format.ts";

fc.configureGlobal({
  seed: Number(process.env["FUZZ_SEED"] ?? 1),
  numRuns: Number(process.env["FUZZ_RUNS"] ?? 100),
});

const damages = fc.nat().map(damageOf);

const u32 = fc.nat(0xffff_ffff);
const u64 = fc.maxSafeNat();

interface Written {
  readonly rows: readonly Row[];
  readonly facts: FooterFacts;
}

const chunk = fc.record({
  logId: fc.nat(5),
  entryCount: fc.integer({ min: 1, max: 50 }),
  gap: fc.constantFrom(0, 0, 0, 3),
  payloadBytes: fc.nat(10_000),
  recordCount: fc.nat(1000),
  spanMs: u32,
});

/** Chunks one behind the other, as a segment of many logs holds them. */
const footers: fc.Arbitrary<Written> = fc
  .record({
    chunks: fc.oneof(
      { weight: 5, arbitrary: fc.array(chunk) },
      // Enough for two pages and a part.
      {
        weight: 1,
        arbitrary: fc.array(chunk, { minLength: 2 * ROWS_PER_PAGE, maxLength: 2 * ROWS_PER_PAGE + 9 }),
      },
    ),
    firstArrivalMs: fc.nat(2 ** 41),
    salt: fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }),
    numbers: fc.tuple(u64, u64, u64, u64),
  })
  .map(
    ({ chunks, firstArrivalMs, salt, numbers: [firstCommit, lastCommit, lastRevision, lastServiceMs] }) => {
      const nextIndex = new Map<number, number>();
      let offset = SEGMENT_HEADER_BYTES;
      const rows = chunks.map(({ logId, entryCount, gap, payloadBytes, recordCount, spanMs }): Row => {
        const firstIndex = (nextIndex.get(logId) ?? 1) + gap;
        nextIndex.set(logId, firstIndex + entryCount);
        const length = entryCount * ENTRY_HEADER_BYTES + payloadBytes;
        offset += length;
        return {
          logId,
          entryCount,
          firstIndex,
          firstArrivalMs,
          lastArrivalMs: firstArrivalMs + spanMs,
          recordCount,
          offset: offset - length,
          length,
        };
      });
      const rowsOffset = Math.ceil(offset / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
      const facts = { salt, rowsOffset, firstCommit, lastCommit, lastRevision, lastServiceMs };
      return { rows: sortRows(rows), facts };
    },
  );

interface Decoded {
  readonly trailer: Trailer;
  readonly summaries: Summary[] | undefined;
  readonly pages: readonly (Row[] | undefined)[];
}

function encode({ rows, facts }: Written): Buffer {
  return encodeFooter(rows, summarize(rows), facts);
}

function readTrailer(bytes: Buffer, salt: bigint): Trailer | undefined {
  return decodedOrRefused(() => decodeTrailer(bytes, salt, "the file"), UnknownFormatError);
}

/** Reads a footer from its end, as a segment does whose file ends with `bytes`. */
function decode(bytes: Buffer, { facts }: Written): Decoded | undefined {
  const trailer = readTrailer(bytes.subarray(Math.max(0, bytes.length - TRAILER_BYTES)), facts.salt);
  if (trailer === undefined) return undefined;
  const summariesAt = summariesOffset(trailer) - trailer.rowsOffset;
  return {
    trailer,
    summaries: decodeSummaries(bytes.subarray(summariesAt, summariesAt + summariesBytes(trailer)), trailer),
    pages: Array.from({ length: summariesAt / ALIGNMENT_BYTES }, (_, page) =>
      decodePage(bytes.subarray(page * ALIGNMENT_BYTES, (page + 1) * ALIGNMENT_BYTES)),
    ),
  };
}

/** Puts the checksum of a trailer right again. */
function reseal(trailer: Buffer): Buffer {
  trailer.writeUInt32LE(crc32(trailer.subarray(0, TRAILER_BYTES - 4)), TRAILER_BYTES - 4);
  return trailer;
}

describe("footers", () => {
  test("rows, summaries and trailer read back as they were written", () => {
    fc.assert(
      fc.property(footers, (written) => {
        const decoded = decode(encode(written), written);
        expect(decoded?.pages.flat()).toEqual(written.rows);
        expect(decoded?.summaries).toEqual(summarize(written.rows));
        expect(decoded?.trailer).toMatchObject(written.facts);
      }),
    );
  });

  test("of a damaged footer no part is read that was not written", () => {
    fc.assert(
      fc.property(footers, footers, damages, (written, other, damage) => {
        const donor = { ...other, facts: { ...other.facts, salt: written.facts.salt } };
        const decoded = decode(damaged(encode(written), damage, encode(donor)), written);
        if (decoded === undefined) return;
        const wholes = [written, donor].map((whole) => decode(encode(whole), whole)!);
        expect(wholes.map(({ trailer }) => trailer)).toContainEqual(decoded.trailer);
        for (const page of decoded.pages) {
          if (page !== undefined) expect(wholes.flatMap(({ pages }) => pages)).toContainEqual(page);
        }
        if (decoded.summaries !== undefined) {
          expect(wholes.map(({ summaries }) => summaries)).toContainEqual(decoded.summaries);
        }
      }),
    );
  });

  test("bytes of any kind are no trailer, no page and no summaries", () => {
    const anything = fc.uint8Array({ minLength: 0, maxLength: 2 * TRAILER_BYTES });
    fc.assert(
      fc.property(anything, footers, (bytes, written) => {
        const { trailer } = decode(encode(written), written)!;
        expect(readTrailer(Buffer.from(bytes), trailer.salt)).toBeUndefined();
        const page = Buffer.alloc(ALIGNMENT_BYTES, 0xff);
        page.set(bytes);
        expect(decodePage(Buffer.from(bytes))).toBeUndefined();
        expect(decodePage(page)).toBeUndefined();
        if (bytes.length > 0) expect(decodeSummaries(Buffer.from(bytes), trailer)).toBeUndefined();
      }),
    );
  });
});

describe("footers with right checksums and impossible numbers", () => {
  const extremes = fc.constantFrom(0, 1, 2, 102, 103, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff);
  const word = fc.oneof(u32, extremes, fc.nat(300));

  test("a trailer speaks of no more rows and summaries than its file has room for", () => {
    fc.assert(
      fc.property(footers, fc.array(fc.tuple(fc.nat(13), word), { maxLength: 4 }), (written, changes) => {
        const bytes = Buffer.from(encode(written).subarray(-TRAILER_BYTES));
        for (const [place, value] of changes) bytes.writeUInt32LE(value, 16 + place * 4);
        const trailer = readTrailer(reseal(bytes), written.facts.salt);
        if (trailer === undefined) return;
        expect(trailer.rowsOffset % ALIGNMENT_BYTES).toBe(0);
        expect(SEGMENT_HEADER_BYTES + trailer.rowCount * ENTRY_HEADER_BYTES).toBeLessThanOrEqual(
          trailer.rowsOffset,
        );
        expect(summariesBytes(trailer)).toBeLessThanOrEqual(2 * trailer.rowsOffset);
        for (const value of Object.values(trailer)) {
          if (typeof value === "number") expect(value).toBeLessThanOrEqual(Number.MAX_SAFE_INTEGER);
        }
      }),
    );
  });

  test("a page holds rows of possible chunks, or is refused", () => {
    fc.assert(
      fc.property(
        word,
        fc.array(fc.tuple(fc.nat(40), word), { maxLength: 6 }),
        footers,
        (count, changes, written) => {
          const page = Buffer.alloc(ALIGNMENT_BYTES);
          encode(written).copy(page, 0, 0, ALIGNMENT_BYTES);
          if (count < 200) page.writeUInt32LE(count, 4);
          for (const [place, value] of changes) page.writeUInt32LE(value, 8 + place * 4);
          page.writeUInt32LE(crc32(page.subarray(4)), 0);
          const rows = decodePage(page);
          if (rows === undefined) return;
          expect(rows.length).toBeLessThanOrEqual(ROWS_PER_PAGE);
          for (const row of rows) {
            expect(row.entryCount).toBeGreaterThan(0);
            expect(row.entryCount * ENTRY_HEADER_BYTES).toBeLessThanOrEqual(row.length);
            expect(row.offset).toBeGreaterThanOrEqual(SEGMENT_HEADER_BYTES);
            for (const value of Object.values(row) as number[]) {
              expect(value).toBeLessThanOrEqual(Number.MAX_SAFE_INTEGER);
            }
          }
        },
      ),
    );
  });

  test("summaries are of rows that there are, or are refused", () => {
    fc.assert(
      fc.property(footers, fc.array(fc.tuple(fc.nat(15), word), { maxLength: 3 }), (written, changes) => {
        const bytes = encode(written);
        const { trailer } = decode(bytes, written)!;
        const at = summariesOffset(trailer) - trailer.rowsOffset;
        const summaryBytes = Buffer.from(bytes.subarray(at, at + summariesBytes(trailer)));
        for (const [place, value] of changes) {
          if (place * 4 < summaryBytes.length) summaryBytes.writeUInt32LE(value, place * 4);
        }
        const summaries = decodeSummaries(summaryBytes, { ...trailer, summaryCrc: crc32(summaryBytes) });
        for (const summary of summaries ?? []) {
          expect(summary.rowStart + summary.rowCount).toBeLessThanOrEqual(trailer.rowCount);
          expect(summary.firstIndex).toBeLessThanOrEqual(summary.endIndex);
          for (const value of Object.values(summary) as number[]) {
            expect(value).toBeLessThanOrEqual(Number.MAX_SAFE_INTEGER);
          }
        }
      }),
    );
  });
});
