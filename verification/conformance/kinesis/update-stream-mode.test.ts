import { describe, expect, test } from "vitest";
import * as suite from "../src/suite.ts";

const { newAccount, refused, specify, violates } = suite;

const mode = (StreamMode: string) => ({ StreamModeDetails: { StreamMode } });

specify("UpdateStreamMode", () => {
  test("switches a stream to on-demand and keeps its shards", async () => {
    const account = newAccount();
    const { name, arn } = await account.stream({ ShardCount: 2 });
    await account.call("UpdateStreamMode", { StreamARN: arn, ...mode("ON_DEMAND") });
    await account.settled(name);
    const { StreamDescriptionSummary: summary } = await account.call("DescribeStreamSummary", {
      StreamName: name,
    });
    expect(summary.StreamModeDetails).toEqual({ StreamMode: "ON_DEMAND" });
    expect(summary.OpenShardCount).toBe(2);
  });

  test("switches it back, and not a third time on that day", async () => {
    const account = newAccount();
    const { name, arn } = await account.stream({ ShardCount: 2 });
    for (const StreamMode of ["ON_DEMAND", "PROVISIONED"]) {
      await account.call("UpdateStreamMode", { StreamARN: arn, ...mode(StreamMode) });
      await account.settled(name);
    }
    const { StreamDescriptionSummary: summary } = await account.call("DescribeStreamSummary", {
      StreamName: name,
    });
    expect(summary.StreamModeDetails).toEqual({ StreamMode: "PROVISIONED" });
    await refused(
      "UpdateStreamMode",
      "LimitExceededException",
      account.call("UpdateStreamMode", { StreamARN: arn, ...mode("ON_DEMAND") }),
    );
  });

  suite.timed("may be used again a day later", async (advance) => {
    const account = newAccount();
    const { name, arn } = await account.stream();
    for (const StreamMode of ["ON_DEMAND", "PROVISIONED"]) {
      await account.call("UpdateStreamMode", { StreamARN: arn, ...mode(StreamMode) });
      await account.settled(name);
    }
    await advance(25 * 3_600_000);
    await account.call("UpdateStreamMode", { StreamARN: arn, ...mode("ON_DEMAND") });
  });

  test("refuses a warm throughput for a provisioned stream", async () => {
    const account = newAccount();
    const { arn } = await account.stream({ StreamModeDetails: { StreamMode: "ON_DEMAND" } });
    await refused(
      "UpdateStreamMode",
      "InvalidArgumentException",
      account.call("UpdateStreamMode", { StreamARN: arn, ...mode("PROVISIONED"), WarmThroughputMiBps: 10 }),
    );
  });

  describe("validation", () => {
    test("a mode is needed", async () => {
      const account = newAccount();
      await violates(
        "UpdateStreamMode",
        account.call("UpdateStreamMode", { StreamARN: await suite.arnOf(account, "none") }),
        [suite.mustNotBeNull("streamModeDetails")],
      );
      await violates(
        "UpdateStreamMode",
        account.call("UpdateStreamMode", {
          StreamARN: await suite.arnOf(account, "none"),
          StreamModeDetails: {},
        }),
        [suite.mustNotBeNull("streamModeDetails.streamMode")],
      );
    });

    test("a mode is one of two", async () => {
      const account = newAccount();
      await suite.violatesValues(
        "UpdateStreamMode",
        account.call("UpdateStreamMode", {
          StreamARN: await suite.arnOf(account, "none"),
          ...mode("SERVERLESS"),
        }),
        "streamModeDetails.streamMode",
        "SERVERLESS",
        ["PROVISIONED", "ON_DEMAND"],
      );
    });
  });

  suite.needsActiveStream("UpdateStreamMode", (_, { arn }) => ({ StreamARN: arn, ...mode("ON_DEMAND") }));
  suite.streamAddressing("UpdateStreamMode", () => mode("ON_DEMAND"), { only: "StreamARN" });
});
