import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { damaged, damageOf, decodedOrRefused } from "./damaged-bytes.ts";
import {
  BASE64,
  BatchFormatError,
  encodeBatch,
  encodeImportedBatch,
  encodeRenumberedBatch,
  IMPORTED_NUMBER_LIMIT,
  RAW,
  readBatch,
  type RecordRange,
  SOURCE_NUMBER_LIMIT,
} from "./index.ts";

fc.configureGlobal({
  seed: Number(process.env["FUZZ_SEED"] ?? 1),
  numRuns: Number(process.env["FUZZ_RUNS"] ?? 100),
});

const damages = fc.nat().map(damageOf);

const records = fc.array(
  fc.record({
    key: fc.option(fc.uint8Array({ minLength: 1, maxLength: 64 }), { nil: undefined }),
    data: fc.uint8Array({ maxLength: 300 }),
  }),
  { minLength: 1, maxLength: 20 },
);
const encodings = fc.constantFrom(RAW, BASE64);
const numbers = fc.bigInt({ min: 0n, max: IMPORTED_NUMBER_LIMIT - 100n });
const sourceNumbers = fc.bigInt({ min: 0n, max: SOURCE_NUMBER_LIMIT - 100n });

function latin1(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString("latin1");
}

/** Ranges that follow one upon the other and fill the payload, as only a whole batch's do. */
function expectWhole(payload: Uint8Array, ranges: readonly RecordRange[]): void {
  let at = 4 + (payload[0] === 2 ? 24 : payload[0] === 3 ? 54 : 0);
  for (const { keyStart, keyEnd, dataStart, dataEnd } of ranges) {
    expect([keyStart, dataStart]).toEqual([at + 6, keyEnd]);
    expect(keyEnd).toBeGreaterThanOrEqual(keyStart);
    expect(dataEnd).toBeGreaterThanOrEqual(dataStart);
    at = dataEnd;
  }
  expect(at).toBe(payload.length);
}

function accept(payload: Uint8Array): void {
  const read = decodedOrRefused(() => readBatch(payload), BatchFormatError);
  if (read === undefined) return;
  expectWhole(payload, read.records);
  const put = read.records.map(({ keyStart, keyEnd, dataStart, dataEnd }) => ({
    key: payload.subarray(keyStart, keyEnd),
    data: payload.subarray(dataStart, dataEnd),
  }));
  const { firstNumber, sourceNumber } = read;
  const again =
    sourceNumber === undefined
      ? encodeBatch(put, read.encoding)
      : firstNumber === undefined
        ? encodeRenumberedBatch(put, sourceNumber)
        : encodeImportedBatch(put, firstNumber);
  const canonical = Buffer.from(payload);
  canonical[1] = 0; // the reserved byte says nothing yet
  expect(canonical.equals(again.payload)).toBe(true);
}

describe("entry payloads", () => {
  test("records come back as they were put, wherever in memory the payload lies", () => {
    fc.assert(
      fc.property(records, encodings, fc.nat(9), (put, encoding, offset) => {
        const { payload, recordCount } = encodeBatch(put, encoding);
        const within = Buffer.concat([Buffer.alloc(offset, 0xff), payload, Buffer.alloc(7, 0xff)]);
        const lying = within.subarray(offset, offset + payload.length);
        const read = readBatch(lying);
        expect([read.encoding, recordCount]).toEqual([encoding, put.length]);
        expectWhole(lying, read.records);
        expect(
          read.records.map(({ keyStart, keyEnd, dataStart, dataEnd }) => [
            lying.toString("latin1", keyStart, keyEnd),
            lying.toString("latin1", dataStart, dataEnd),
          ]),
        ).toEqual(put.map(({ key, data }) => [latin1(key), latin1(data)]));
      }),
    );
  });

  test("imported records come back with the numbers that they had", () => {
    fc.assert(
      fc.property(records, numbers, (put, firstNumber) => {
        const { payload, recordCount } = encodeImportedBatch(put, firstNumber);
        const read = readBatch(payload);
        expectWhole(payload, read.records);
        expect([read.encoding, read.firstNumber, recordCount]).toEqual([RAW, firstNumber, put.length]);
        expect(read.sourceNumber).toBe(firstNumber);
        expect(
          read.records.map(({ dataStart, dataEnd }) => latin1(payload.subarray(dataStart, dataEnd))),
        ).toEqual(put.map(({ data }) => latin1(data)));
      }),
    );
    expect(() =>
      encodeImportedBatch([{ key: undefined, data: Buffer.of(1) }], IMPORTED_NUMBER_LIMIT),
    ).toThrow(RangeError);
  });

  test("renumbered records remember the numbers that they had, and do not have them", () => {
    fc.assert(
      fc.property(records, sourceNumbers, (put, sourceNumber) => {
        const { payload } = encodeRenumberedBatch(put, sourceNumber);
        const read = readBatch(payload);
        expectWhole(payload, read.records);
        expect([read.encoding, read.firstNumber, read.sourceNumber]).toEqual([RAW, undefined, sourceNumber]);
        expect(
          read.records.map(({ dataStart, dataEnd }) => latin1(payload.subarray(dataStart, dataEnd))),
        ).toEqual(put.map(({ data }) => latin1(data)));
      }),
    );
    expect(() =>
      encodeRenumberedBatch([{ key: undefined, data: Buffer.of(1) }], SOURCE_NUMBER_LIMIT),
    ).toThrow(RangeError);
  });

  test("damaged renumbered payloads are refused, or are whole batches of other records", () => {
    fc.assert(
      fc.property(records, sourceNumbers, records, damages, (put, sourceNumber, others, damage) => {
        const { payload } = encodeRenumberedBatch(put, sourceNumber);
        accept(damaged(payload, damage, encodeRenumberedBatch(others, sourceNumber).payload));
      }),
    );
  });

  test("damaged imported payloads are refused, or are whole batches of other records", () => {
    fc.assert(
      fc.property(records, numbers, records, damages, (put, firstNumber, others, damage) => {
        const { payload } = encodeImportedBatch(put, firstNumber);
        accept(damaged(payload, damage, encodeImportedBatch(others, firstNumber).payload));
      }),
    );
  });

  test("damaged payloads are refused, or are whole batches of other records", () => {
    fc.assert(
      fc.property(records, encodings, records, damages, (put, encoding, others, damage) => {
        const { payload } = encodeBatch(put, encoding);
        accept(damaged(payload, damage, encodeBatch(others, encoding).payload));
      }),
    );
  });

  test("bytes of any kind are refused, or are whole batches", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => accept(bytes)));
    const plausible = fc
      .tuple(fc.constantFrom(0, 1, 2, 3), fc.nat(3), fc.array(fc.nat(9), { maxLength: 90 }))
      .map(([encoding, count, rest]) => Uint8Array.from([encoding, 0, count, 0, ...rest]));
    fc.assert(fc.property(plausible, (bytes) => accept(bytes)));
  });

  test("a payload too short for its records is refused before room is made for them", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 65_535 }), fc.nat(), (count, bytes) => {
        const payload = Buffer.alloc(4 + (bytes % (count * 6)));
        payload.writeUInt16LE(count, 2);
        expect(() => readBatch(payload)).toThrow(`has no room for ${count} records`);
      }),
      { numRuns: 100 },
    );
  });

  test("a payload without a record is refused, as none is ever put", () => {
    expect(() => readBatch(Buffer.alloc(4))).toThrow(BatchFormatError);
    expect(() => encodeBatch([])).toThrow(RangeError);
  });
});
