import { integer, kinesis, list, type Operation, optional, required, string, structure } from "@millrace/api";
import { describe, expect, test } from "vitest";
import { ACCEPTED_DIFFERENCES, differencesFromSdk } from "./check-against-sdk.ts";

test("our contracts are those of the pinned SDK, but for the accepted differences", () => {
  const accepted = ACCEPTED_DIFFERENCES.map(({ difference }) => difference);
  expect(differencesFromSdk().toSorted()).toEqual(accepted.toSorted());
});

describe("the check tells of", () => {
  const { DescribeLimits, PutRecord, PutRecords } = kinesis.operations;
  const { Data, StreamName, ...rest } = PutRecord.input.members;

  test.each([
    {
      what: "an operation that the SDK does not have",
      changed: changed({ ...PutRecord, name: "PutNothing" }),
      difference: "operations: we have PutNothing, SDK does not",
    },
    {
      what: "a member out of order",
      changed: changed({ ...PutRecord, input: structure({ ...rest, StreamName, Data }) }),
      difference:
        "PutRecord input: members Data, PartitionKey, ExplicitHashKey, SequenceNumberForOrdering, StreamARN, " +
        "StreamId, DryRun, StreamName, SDK Data, StreamName, PartitionKey, ExplicitHashKey, " +
        "SequenceNumberForOrdering, StreamARN, StreamId, DryRun",
    },
    {
      what: "a member of another kind",
      changed: changed({
        ...PutRecord,
        input: structure({ StreamName: optional(integer()), Data, ...rest }),
      }),
      difference: "PutRecord input.StreamName: number, SDK string",
    },
    {
      what: "a list of other things",
      changed: changed({
        ...PutRecords,
        output: structure({ ...PutRecords.output.members, Records: required(list(string())) }),
      }),
      difference: "PutRecords output.Records: list of string, SDK list of structure",
    },
    {
      what: "an error too few",
      changed: changed({ ...DescribeLimits, errors: [] }),
      difference: "DescribeLimits errors: SDK has LimitExceededException, we do not",
    },
    {
      what: "another plane",
      changed: changed({ ...DescribeLimits, plane: "data" }),
      difference: "DescribeLimits: plane data, SDK control",
    },
  ])("$what", ({ changed: operations, difference }) => {
    expect(differencesFromSdk(operations)).toEqual([difference]);
  });

  test("what is required and should not be", () => {
    const members = DescribeLimits.output.members;
    const output = structure({ ...members, ChannelCount: required(members.ChannelCount.shape) });
    expect(differencesFromSdk(changed({ ...DescribeLimits, output }))).toEqual([
      "DescribeLimits output.ChannelCount: required, SDK optional",
    ]);
  });
});

function changed(one: Operation): Readonly<Record<string, Operation>> {
  return { ...kinesis.operations, [one.name]: one };
}
