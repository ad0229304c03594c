import { hashKeyHexOf, hashKeyOf } from "@millrace/model";
import { type Bench, bench } from "../harness/bench.ts";
import { digestOf } from "../harness/digest.ts";
import { measureCases, microCase } from "../harness/micro.ts";
import { sampleRecords } from "./sample-records.ts";

/** One PutRecords does this once for each of its records. */
export const hashKey: Bench = bench({
  name: "hash",
  kind: "micro",
  question: "How many partition keys a second get their place on the ring?",
  sizes: { smoke: { keys: 100, minMs: 0 }, full: { keys: 10_000, minMs: 300 } },
  smokeDigest: "82074877fe0222e1",
  async run({ keys, minMs }, context) {
    const texts = sampleRecords(keys, 0).map(({ PartitionKey }) => PartitionKey);
    const bytes = texts.map((text) => Buffer.from(text));
    const common = { unit: "keys", unitCount: keys, minMs };
    return measureCases(
      [
        microCase({
          ...common,
          what: "hexadecimal, of a string",
          run: () => texts.map((text) => hashKeyHexOf(text)),
          digest: (hashes) => digestOf(...hashes),
        }),
        microCase({
          ...common,
          what: "hexadecimal, of bytes",
          run: () => bytes.map((key) => hashKeyHexOf(key)),
          digest: (hashes) => digestOf(...hashes),
        }),
        microCase({
          ...common,
          what: "big integer, of bytes",
          run: () => bytes.map((key) => hashKeyOf(key)),
          digest: (hashes) => digestOf(...hashes.map(String)),
        }),
      ],
      context,
    );
  },
});
