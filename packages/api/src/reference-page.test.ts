import { expect, test } from "vitest";

import {
  DescribeLimits,
  kinesis,
  ListChannels,
  PutRecord,
  PutRecords,
  referencePage,
  SubscribeToShard,
} from "./index.ts";

const linesOf = (page: string) => page.split("\n");

test("a page has the operation's name, plane, members, constraints and errors", () => {
  const lines = linesOf(referencePage(PutRecord));
  expect(lines[0]).toBe("# PutRecord");
  expect(lines).toContain(PutRecord.documentation);
  expect(lines).toContain("A data-plane operation.");
  expect(lines).toContain("| `Data` | blob | yes | bytes 0 to 10485760 |");
  expect(lines).toContain("| `DryRun` | boolean | no |  |");
  expect(lines).toContain(
    String.raw`| ${"`ExplicitHashKey`"} | string | no | pattern ${"`0\\|([1-9]\\d{0,38})`"} |`,
  );
  expect(lines).toContain("| `EncryptionType` | enumeration | no | `NONE`, `KMS` |");
  expect(lines).toContain("- `KMSOptInRequired`");
});

test("members of structures in lists and unions have rows of their own", () => {
  expect(linesOf(referencePage(PutRecords))).toContain(
    "| `Records[].PartitionKey` | string | no | length 1 to 256 |",
  );
  expect(linesOf(referencePage(ListChannels))).toContain(
    "| `StreamFilter[].StreamCreationTimestamp` | timestamp | no |  |",
  );
  const lines = linesOf(referencePage(SubscribeToShard));
  expect(lines).toContain("`EventStream` is a stream of events.");
  expect(lines).toContain(
    "| `EventStream.SubscribeToShardEvent.MillisBehindLatest` | long | yes | value from 0 |",
  );
});

test("an operation without parameters says so", () => {
  expect(linesOf(referencePage(DescribeLimits))).toContain("This operation takes no parameters.");
});

test("every operation has a page in which each member stands once", () => {
  for (const operation of Object.values(kinesis.operations)) {
    const page = referencePage(operation);
    const [request = "", answer = ""] = page.split("## Answer");
    for (const part of [request, answer]) {
      const rows = linesOf(part).filter((line) => line.startsWith("| `"));
      expect(new Set(rows.map((row) => row.split(" | ")[0])).size).toBe(rows.length);
    }
    expect(page.endsWith("\n") && !page.endsWith("\n\n")).toBe(true);
  }
});
