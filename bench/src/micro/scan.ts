import { PutRecord, PutRecords } from "@millrace/api";
import { decodeCbor, decodeJson, encodeCbor, encodeJson } from "@millrace/wire";
import { type Bench, bench } from "../harness/bench.ts";
import { digestOf } from "../harness/digest.ts";
import { measureCases, microCase } from "../harness/micro.ts";
import { sampleRecords } from "./sample-records.ts";

type Decoded = readonly { readonly PartitionKey?: string; readonly Data: Uint8Array }[];

const digestOfRecords = (records: Decoded) =>
  digestOf(...records.flatMap(({ PartitionKey = "", Data }) => [PartitionKey, Data]));

/** The body of a put is the largest thing that a server takes apart. */
export const scan: Bench = bench({
  name: "scan",
  kind: "micro",
  question: "How many records a second does the contract's decoder take off the bodies of puts?",
  sizes: {
    smoke: { records: 10, recordBytes: 100, minMs: 0 },
    full: { records: 500, recordBytes: 1_024, minMs: 300 },
  },
  smokeDigest: "ed872627e4986627",
  async run({ records, recordBytes, minMs }, context) {
    const Records = sampleRecords(records, recordBytes);
    const batch = { StreamName: "bench", Records };
    const single = { StreamName: "bench", ...Records[0]! };
    const batchJson = Buffer.concat(encodeJson(batch, PutRecords.input));
    const batchCbor = Buffer.concat(encodeCbor(batch, PutRecords.input));
    const singleJson = Buffer.concat(encodeJson(single, PutRecord.input));
    const singleCbor = Buffer.concat(encodeCbor(single, PutRecord.input));
    return measureCases(
      [
        microCase({
          what: "PutRecords, JSON",
          unit: "records",
          unitCount: records,
          minMs,
          run: () => decodeJson(batchJson, PutRecords.input),
          digest: (input) => digestOfRecords(input.Records),
        }),
        microCase({
          what: "PutRecords, CBOR",
          unit: "records",
          unitCount: records,
          minMs,
          run: () => decodeCbor(batchCbor, PutRecords.input),
          digest: (input) => digestOfRecords(input.Records),
        }),
        microCase({
          what: "PutRecord, JSON",
          unit: "records",
          unitCount: 1,
          minMs,
          run: () => decodeJson(singleJson, PutRecord.input),
          digest: (input) => digestOfRecords([input]),
        }),
        microCase({
          what: "PutRecord, CBOR",
          unit: "records",
          unitCount: 1,
          minMs,
          run: () => decodeCbor(singleCbor, PutRecord.input),
          digest: (input) => digestOfRecords([input]),
        }),
      ],
      context,
    );
  },
});
