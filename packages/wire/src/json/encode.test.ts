import { kinesis, list, long, map, optional, string, structure, timestamp } from "@millrace/api";
import { describe, expect, test } from "vitest";
import { encodeJson } from "../index.ts";

const { GetRecords, DescribeStreamSummary } = kinesis.operations;

function text(pieces: readonly Uint8Array[]): string {
  return Buffer.concat(pieces).toString("utf8");
}

describe("encodeJson", () => {
  test("members come in the order of the contract, absent ones are left out", () => {
    expect(
      text(
        encodeJson(
          {
            MillisBehindLatest: 0,
            Records: [
              {
                PartitionKey: 'k"é\u0001',
                Data: Uint8Array.of(1, 2, 3),
                SequenceNumber: "49",
                ApproximateArrivalTimestamp: 1_795_184_401_066.4,
              },
            ],
          },
          GetRecords.output,
        ),
      ),
    ).toBe(
      '{"Records":[{"SequenceNumber":"49","ApproximateArrivalTimestamp":1795184401.066,' +
        '"Data":"AQID","PartitionKey":"k\\"é\\u0001"}],"MillisBehindLatest":0}',
    );
  });

  test("an empty output is an empty object", () => {
    expect(text(encodeJson({}, structure({})))).toBe("{}");
  });

  test("large blobs leave as base64 in pieces of their own size", () => {
    const data = Buffer.alloc(1_000_000, "abc");
    const pieces = encodeJson(
      {
        Records: [
          { SequenceNumber: "1", Data: data },
          { SequenceNumber: "2", Data: data },
        ],
      },
      GetRecords.output,
    );
    expect(JSON.parse(text(pieces))).toEqual({
      Records: [
        { SequenceNumber: "1", Data: data.toString("base64") },
        { SequenceNumber: "2", Data: data.toString("base64") },
      ],
    });
  });

  test("integers never have an exponent", () => {
    const shape = structure({ Value: optional(long()) });
    expect(text(encodeJson({ Value: 2 ** 80 }, shape))).toBe('{"Value":1208925819614629174706176}');
    expect(text(encodeJson({ Value: -0 }, shape))).toBe('{"Value":0}');
  });

  test("maps and lists of any content", () => {
    const shape = structure({
      Map: optional(map(string(), list(timestamp()))),
    });
    expect(text(encodeJson({ Map: { 'a"': [0, 1], b: [] } }, shape))).toBe(
      '{"Map":{"a\\"":[0,0.001],"b":[]}}',
    );
  });

  test("a value that is not of its shape is a mistake of the caller", () => {
    expect(() => encodeJson({ StreamDescriptionSummary: 5 } as never, DescribeStreamSummary.output)).toThrow(
      TypeError,
    );
  });
});
