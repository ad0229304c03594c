import { formatSequenceNumber, parseSequenceNumber, sequenceNumberFormatter } from "@millrace/model";
import { type Bench, bench } from "../harness/bench.ts";
import { digestOf } from "../harness/digest.ts";
import { measureCases, microCase } from "../harness/micro.ts";

const SHARD = { generation: 1_700_000_000, shardIndex: 41 };
const RECORDS_PER_ENTRY = 10;

/** Every record that is put or read gets its number printed. */
export const sequenceNumbers: Bench = bench({
  name: "sequence-numbers",
  kind: "micro",
  question: "How many sequence numbers a second are printed and read?",
  sizes: { smoke: { numbers: 100, minMs: 0 }, full: { numbers: 10_000, minMs: 300 } },
  smokeDigest: "8597c16c9940ab4e",
  async run({ numbers, minMs }, context) {
    const places = Array.from({ length: numbers }, (_, index) => ({
      entryIndex: 1_000_000 + Math.floor(index / RECORDS_PER_ENTRY),
      recordIndex: index % RECORDS_PER_ENTRY,
    }));
    const format = sequenceNumberFormatter(SHARD);
    const texts = places.map(({ entryIndex, recordIndex }) => format.text(entryIndex, recordIndex));
    const common = { unit: "numbers", unitCount: numbers, minMs };
    return measureCases(
      [
        microCase({
          ...common,
          what: "printed by the shard's formatter",
          run: () => places.map(({ entryIndex, recordIndex }) => format.text(entryIndex, recordIndex)),
          digest: (printed) => digestOf(...printed),
        }),
        microCase({
          ...common,
          what: "printed from big integers",
          run: () => places.map((place) => formatSequenceNumber({ ...SHARD, ...place })),
          digest: (printed) => digestOf(...printed),
        }),
        microCase({
          ...common,
          what: "read",
          run: () => texts.map((text) => parseSequenceNumber(text)),
          digest: (read) => digestOf(JSON.stringify(read)),
        }),
      ],
      context,
    );
  },
});
