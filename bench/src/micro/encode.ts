import { GetRecords, PutRecords, SubscribeToShardEvent } from "@millrace/api";
import { formatShardId, sequenceNumberFormatter } from "@millrace/model";
import { encodeCbor, encodeJson, encodeMessage } from "@millrace/wire";
import { type Bench, bench } from "../harness/bench.ts";
import { digestOf } from "../harness/digest.ts";
import { measureCases, microCase } from "../harness/micro.ts";
import { sampleRecords } from "./sample-records.ts";

const GENERATION = 1_700_000_000;
const ARRIVAL_MS = 1_700_000_000_123;

const digestOfPieces = (pieces: readonly Uint8Array[]) => digestOf(Buffer.concat(pieces));

/** Answers are most of what a server sends. */
export const encode: Bench = bench({
  name: "encode",
  kind: "micro",
  question: "How many records a second are written into answers and event frames?",
  sizes: {
    smoke: { putRecords: 10, getRecords: 10, eventRecords: 2, recordBytes: 100, minMs: 0 },
    full: { putRecords: 500, getRecords: 10_000, eventRecords: 10, recordBytes: 1_024, minMs: 300 },
  },
  smokeDigest: "623d1dea3b71a93e",
  async run({ putRecords, getRecords, eventRecords, recordBytes, minMs }, context) {
    const numbers = sequenceNumberFormatter({ generation: GENERATION, shardIndex: 7 });
    const stored = sampleRecords(getRecords, recordBytes).map((record, index) => ({
      SequenceNumber: numbers.text(1, index),
      ApproximateArrivalTimestamp: ARRIVAL_MS + index,
      ...record,
    }));
    const putAnswer = {
      FailedRecordCount: 0,
      Records: Array.from({ length: putRecords }, (_, index) => ({
        SequenceNumber: numbers.text(2, index),
        ShardId: formatShardId(index % 50),
      })),
    };
    const getAnswer = { Records: stored, NextShardIterator: "A".repeat(200), MillisBehindLatest: 0 };
    const event = {
      Records: stored.slice(0, eventRecords),
      ContinuationSequenceNumber: numbers.text(3, 0),
      MillisBehindLatest: 0,
    };
    const eventHeaders = {
      ":message-type": "event",
      ":event-type": "SubscribeToShardEvent",
      ":content-type": "application/x-amz-json-1.1",
    };
    const common = { unit: "records", minMs, digest: digestOfPieces };
    return measureCases(
      [
        microCase({
          ...common,
          what: "PutRecords, JSON",
          unitCount: putRecords,
          run: () => encodeJson(putAnswer, PutRecords.output),
        }),
        microCase({
          ...common,
          what: "PutRecords, CBOR",
          unitCount: putRecords,
          run: () => encodeCbor(putAnswer, PutRecords.output),
        }),
        microCase({
          ...common,
          what: "GetRecords, JSON",
          unitCount: getRecords,
          run: () => encodeJson(getAnswer, GetRecords.output),
        }),
        microCase({
          ...common,
          what: "GetRecords, CBOR",
          unitCount: getRecords,
          run: () => encodeCbor(getAnswer, GetRecords.output),
        }),
        microCase({
          ...common,
          what: "event frames",
          unitCount: eventRecords,
          run: () => [encodeMessage(eventHeaders, encodeJson(event, SubscribeToShardEvent))],
        }),
      ],
      context,
    );
  },
});
