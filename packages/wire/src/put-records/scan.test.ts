import { PutRecord, PutRecords, violations } from "@millrace/api";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeCbor, decodeJson, encodeCbor, SerializationFault } from "../index.ts";
import type { FormatName } from "../formats.ts";
import { QuickDecoder } from "./scan.ts";
import { ScannedPut } from "./scanned-input.ts";
import type { ScannedPutRecord, ScannedPutRecords } from "./scanned-input.ts";

interface Entry {
  Data: Uint8Array;
  PartitionKey: string;
}

const quick = new QuickDecoder();
/** As where there is no memory to decode in. */
const withoutMemory = new QuickDecoder(() => undefined);

function scan(
  body: Uint8Array,
  format: FormatName = "json",
  decoder: QuickDecoder = quick,
): ScannedPutRecords | undefined {
  return decoder.decode(PutRecords, format, body) as ScannedPutRecords | undefined;
}

/** What a scan found, as plain values; the bytes are given back afterwards. */
function found(scanned: ScannedPutRecords): object {
  const { StreamName, StreamARN, Records } = scanned;
  const plain = {
    ...(StreamName === undefined ? {} : { StreamName }),
    ...(StreamARN === undefined ? {} : { StreamARN }),
    Records: Records.map(({ PartitionKey, Data }) => ({
      PartitionKey,
      Data: Buffer.from(Data).toString("hex"),
    })),
  };
  ScannedPut.release(scanned);
  return plain;
}

/** What the reference decoder makes of a body, in the same form; undefined when it or the contract refuses it. */
function reference(body: Uint8Array, format: FormatName): object | undefined {
  try {
    const decode = format === "json" ? decodeJson : decodeCbor;
    const input = decode(body, PutRecords.input);
    if (violations(PutRecords.input, input).length > 0) return undefined;
    const { StreamName, StreamARN, Records, ...rest } = input;
    return {
      ...(StreamName === undefined ? {} : { StreamName }),
      ...(StreamARN === undefined ? {} : { StreamARN }),
      Records: Records.map(({ PartitionKey, Data, ...others }) => ({
        PartitionKey,
        Data: Buffer.from(Data).toString("hex"),
        ...others,
      })),
      ...rest,
    };
  } catch (error) {
    if (error instanceof SerializationFault) return undefined;
    throw error;
  }
}

/** Long ones are decoded in blocks of 16 characters, four at a time and one by one. */
const data = fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ minLength: 90, maxLength: 160 }));
const plainKey = fc.stringMatching(/^[ !#-[\]-~]{1,20}$/);
const anyKey = fc.oneof(
  { weight: 4, arbitrary: plainKey },
  fc.string({ unit: "grapheme", maxLength: 4 }),
  fc.constantFrom("", "\u0000", '"', "\\", "ü", "a".repeat(256), "a".repeat(257)),
);
const records = (key: fc.Arbitrary<string>) =>
  fc.array(fc.record<Entry>({ Data: data, PartitionKey: key }), { minLength: 1, maxLength: 5 });

/** JSON as the SDKs write it: without white space, or with that of Python. */
function jsonOf(input: { StreamName: string; Records: Entry[] }, isPython: boolean): Buffer {
  const text = JSON.stringify({
    StreamName: input.StreamName,
    Records: input.Records.map(({ Data, PartitionKey }) => ({
      Data: Buffer.from(Data).toString("base64"),
      PartitionKey,
    })),
  });
  return Buffer.from(isPython ? text.replaceAll('":', '": ').replaceAll(",", ", ") : text);
}

/** Bodies that were good, with some bytes changed, taken out or put in. */
const damaged = (body: fc.Arbitrary<Buffer>) =>
  fc
    .tuple(
      body,
      fc.array(
        fc.record({
          at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
          kind: fc.constantFrom("change", "cut", "insert", "end"),
          byte: fc.oneof(
            fc.constantFrom(...Buffer.from('"\\{}[],: =-_\n0a\u00ff\u009f\u00bf')),
            fc.integer({ min: 0, max: 255 }),
          ),
        }),
        { maxLength: 3 },
      ),
    )
    .map(([good, changes]) => {
      let bytes = [...good];
      for (const { at, kind, byte } of changes) {
        const index = Math.floor(at * bytes.length);
        if (kind === "change") bytes[index] = byte;
        else if (kind === "cut") bytes.splice(index, 1);
        else if (kind === "insert") bytes.splice(index, 0, byte);
        else bytes = bytes.slice(0, index);
      }
      return Buffer.from(bytes);
    });

const jsonBody = fc
  .tuple(records(anyKey), fc.constantFrom("s", "", "no such name", "a-b.c_d"), fc.boolean())
  .map(([Records, StreamName, isPython]) => jsonOf({ StreamName, Records }, isPython));

const cborBody = fc
  .tuple(records(anyKey), fc.constantFrom("s", "", "a-b.c_d"))
  .map(([Records, StreamName]) => Buffer.concat(encodeCbor({ StreamName, Records }, PutRecords.input)));

const RUNS = { seed: 4_711, numRuns: 2_000 };

describe("the quick decoder of PutRecords", () => {
  for (const [name, isPython] of [
    ["compact JSON", false],
    ["JSON as Python writes it", true],
  ] as const) {
    test(`takes ${name}`, () => {
      fc.assert(
        fc.property(records(plainKey), (Records) => {
          const body = jsonOf({ StreamName: "s", Records }, isPython && !hasSpecial(Records));
          const scanned = scan(body);
          expect(scanned).toBeDefined();
          expect(found(scanned!)).toEqual(reference(body, "json"));
        }),
        { ...RUNS, numRuns: 300 },
      );
    });
  }

  test("takes CBOR of definite and of indefinite length", () => {
    fc.assert(
      fc.property(records(plainKey), fc.boolean(), (Records, isIndefinite) => {
        const body = isIndefinite
          ? indefiniteCbor("s", Records)
          : Buffer.concat(encodeCbor({ StreamName: "s", Records }, PutRecords.input));
        const scanned = scan(body, "cbor");
        expect(scanned).toBeDefined();
        expect(found(scanned!)).toEqual(reference(body, "cbor"));
      }),
      { ...RUNS, numRuns: 300 },
    );
  });

  test("finds in JSON, damaged or not, what the reference decoder finds, or nothing", () => {
    fc.assert(
      fc.property(damaged(jsonBody), (body) => {
        const scanned = scan(body);
        const other = scan(body, "json", withoutMemory);
        expect(other === undefined).toBe(scanned === undefined);
        for (const one of [scanned, other]) {
          if (one !== undefined) expect(found(one)).toEqual(reference(body, "json"));
        }
      }),
      RUNS,
    );
  });

  test("finds in CBOR, damaged or not, what the reference decoder finds, or nothing", () => {
    fc.assert(
      fc.property(damaged(cborBody), (body) => {
        const scanned = scan(body, "cbor");
        if (scanned !== undefined) expect(found(scanned)).toEqual(reference(body, "cbor"));
      }),
      RUNS,
    );
  });

  test.each([
    ["escapes", '{"StreamName":"s","Records":[{"Data":"","PartitionKey":"\\u0041"}]}'],
    [
      "an explicit hash key",
      '{"StreamName":"s","Records":[{"Data":"","PartitionKey":"a","ExplicitHashKey":"0"}]}',
    ],
    ["no partition key", '{"StreamName":"s","Records":[{"Data":""}]}'],
    ["base64 that is not canonical", '{"StreamName":"s","Records":[{"Data":"YR==","PartitionKey":"a"}]}'],
    ["base64 of the URL alphabet", '{"StreamName":"s","Records":[{"Data":"-_-_","PartitionKey":"a"}]}'],
    ["no records", '{"StreamName":"s","Records":[]}'],
    ["a member twice", '{"StreamName":"s","StreamName":"s","Records":[{"Data":"","PartitionKey":"a"}]}'],
    ["a comma too many", '{"StreamName":"s","Records":[{"Data":"","PartitionKey":"a"},]}'],
    ["something behind the document", '{"StreamName":"s","Records":[{"Data":"","PartitionKey":"a"}]}x'],
    ["another member", '{"StreamName":"s","DryRun":true,"Records":[{"Data":"","PartitionKey":"a"}]}'],
    [
      "a stream name that the contract refuses",
      '{"StreamName":"a b","Records":[{"Data":"","PartitionKey":"a"}]}',
    ],
  ])("leaves %s to the reference decoder", (_, body) => {
    expect(scan(Buffer.from(body))).toBeUndefined();
  });

  test("takes 500 records and leaves 501 to the reference decoder", () => {
    const Records = Array.from({ length: 501 }, () => ({ Data: new Uint8Array(3), PartitionKey: "a" }));
    expect(scan(jsonOf({ StreamName: "s", Records: Records.slice(1) }, false))?.Records).toHaveLength(500);
    expect(scan(jsonOf({ StreamName: "s", Records }, false))).toBeUndefined();
  });
});

/** What the quick decoder finds in a body of PutRecord, as plain values; the bytes are given back afterwards. */
function foundOne(body: Uint8Array, format: FormatName, decoder = quick): object | undefined {
  const scanned = decoder.decode(PutRecord, format, body) as ScannedPutRecord | undefined;
  if (scanned === undefined) return undefined;
  const { StreamName, StreamARN, PartitionKey, Data } = scanned;
  const plain = { StreamName, StreamARN, PartitionKey, Data: Buffer.from(Data).toString("hex") };
  ScannedPut.release(scanned);
  return plain;
}

/** What the reference decoder makes of a body of PutRecord, in the same form. */
function referenceOne(body: Uint8Array, format: FormatName): object | undefined {
  try {
    const input = (format === "json" ? decodeJson : decodeCbor)(body, PutRecord.input);
    if (violations(PutRecord.input, input).length > 0) return undefined;
    return {
      StreamName: undefined,
      StreamARN: undefined,
      ...input,
      Data: Buffer.from(input.Data).toString("hex"),
    };
  } catch (error) {
    if (error instanceof SerializationFault) return undefined;
    throw error;
  }
}

const STREAM_ARN = "arn:aws:kinesis:us-east-1:000000000000:stream/s";
const oneRecord = (key: fc.Arbitrary<string>) =>
  fc.record({
    stream: fc.constantFrom<{ StreamName?: string; StreamARN?: string }>(
      { StreamName: "s" },
      { StreamARN: STREAM_ARN },
      { StreamName: "s", StreamARN: STREAM_ARN },
      {},
    ),
    Data: data,
    PartitionKey: key,
    isRecordFirst: fc.boolean(),
  });
type OneRecord = typeof oneRecord extends (key: never) => fc.Arbitrary<infer T> ? T : never;

function oneAsJson({ stream, Data, PartitionKey, isRecordFirst }: OneRecord): Buffer {
  const record = { Data: Buffer.from(Data).toString("base64"), PartitionKey };
  return Buffer.from(JSON.stringify(isRecordFirst ? { ...record, ...stream } : { ...stream, ...record }));
}

function oneAsCbor({ stream, Data, PartitionKey }: OneRecord): Buffer {
  return Buffer.concat(encodeCbor({ ...stream, Data, PartitionKey }, PutRecord.input));
}

describe("the quick decoder of PutRecord", () => {
  for (const [format, bodyOf] of [
    ["json", oneAsJson],
    ["cbor", oneAsCbor],
  ] as const) {
    test(`takes what producers write in ${format}`, () => {
      fc.assert(
        fc.property(oneRecord(plainKey), (record) => {
          const body = bodyOf(record);
          const one = foundOne(body, format);
          expect(one).toBeDefined();
          expect(one).toEqual(referenceOne(body, format));
        }),
        { ...RUNS, numRuns: 300 },
      );
    });

    test(`finds in ${format}, damaged or not, what the reference decoder finds, or nothing`, () => {
      fc.assert(
        fc.property(damaged(oneRecord(anyKey).map(bodyOf)), (body) => {
          const one = foundOne(body, format);
          expect(foundOne(body, format, withoutMemory)).toEqual(one);
          if (one !== undefined) expect(one).toEqual(referenceOne(body, format));
        }),
        RUNS,
      );
    });
  }

  test.each([
    ["an explicit hash key", '{"StreamName":"s","Data":"","PartitionKey":"a","ExplicitHashKey":"0"}'],
    ["an ordering", '{"StreamName":"s","Data":"","PartitionKey":"a","SequenceNumberForOrdering":"0"}'],
    ["a dry run", '{"StreamName":"s","Data":"","PartitionKey":"a","DryRun":true}'],
    ["no partition key", '{"StreamName":"s","Data":""}'],
    ["no data", '{"StreamName":"s","PartitionKey":"a"}'],
    ["records", '{"StreamName":"s","Records":[{"Data":"","PartitionKey":"a"}]}'],
    ["a member twice", '{"StreamName":"s","Data":"","PartitionKey":"a","Data":""}'],
    ["something behind the document", '{"StreamName":"s","Data":"","PartitionKey":"a"}x'],
  ])("leaves %s to the reference decoder", (_, body) => {
    expect(quick.decode(PutRecord, "json", Buffer.from(body))).toBeUndefined();
  });
});

/** Whether replacing text would change what the records say. */
function hasSpecial(entries: readonly Entry[]): boolean {
  return entries.some(({ PartitionKey }) => /[,:]/.test(PartitionKey));
}

/** CBOR with maps and lists whose length is not told in advance. */
function indefiniteCbor(streamName: string, entries: readonly Entry[]): Buffer {
  const text = (value: string) => {
    const bytes = Buffer.from(value);
    return Buffer.concat([
      bytes.length < 24 ? Buffer.of(0x60 + bytes.length) : Buffer.of(0x78, bytes.length),
      bytes,
    ]);
  };
  const end = Buffer.of(0xff);
  return Buffer.concat([
    Buffer.of(0xbf),
    text("StreamName"),
    text(streamName),
    text("Records"),
    Buffer.of(0x9f),
    ...entries.flatMap(({ Data, PartitionKey }) => [
      Buffer.of(0xbf),
      text("Data"),
      Buffer.of(0x59, Data.length >> 8, Data.length & 0xff),
      Data,
      text("PartitionKey"),
      text(PartitionKey),
      end,
    ]),
    end,
    end,
  ]);
}
