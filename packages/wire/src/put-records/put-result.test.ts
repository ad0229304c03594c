import { PutRecords } from "@millrace/api";
import { expect, test } from "vitest";
import { encodeCbor, encodeJson, PutResult } from "../index.ts";

test.each([
  ["JSON", encodeJson],
  ["CBOR", encodeCbor],
] as const)("results of stored records are written in %s like any others", (_, encode) => {
  const failed = { ErrorCode: "InternalFailure", ErrorMessage: "Internal Service Failure" };
  const sequenceNumber = `49${"0".repeat(54)}`;
  const shardId = "shardId-000000000012";
  const answer = (stored: object) =>
    Buffer.concat(
      encode({ FailedRecordCount: 1, Records: [stored, failed, stored] }, PutRecords.output),
    ).toString("hex");
  expect(answer(new PutResult(sequenceNumber, shardId))).toBe(
    answer({ SequenceNumber: sequenceNumber, ShardId: shardId }),
  );
});
