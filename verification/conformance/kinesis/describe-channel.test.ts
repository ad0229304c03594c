import { describe, test } from "vitest";
import * as suite from "../src/suite.ts";

const { newAccount, specify, violates } = suite;

const ChannelARN = "arn:aws:kinesis:us-east-1:123456789012:channel/delivery";
const pattern = "arn:aws.*:kinesis:.*:\\d{12}:channel/\\S+";

specify("DescribeChannel", () => {
  describe("validation", () => {
    test("a channel is needed", async () => {
      await violates("DescribeChannel", newAccount().call("DescribeChannel", {}), [
        suite.mustNotBeNull("channelARN"),
      ]);
    });

    test("an ARN looks like one of a channel", async () => {
      await violates("DescribeChannel", newAccount().call("DescribeChannel", { ChannelARN: "x" }), [
        suite.offPattern("channelARN", "x", pattern),
      ]);
    });
  });

  suite.ownCase("a channel is refused, since there are none", async () => {
    await suite.refused(
      "DescribeChannel",
      "InvalidArgumentException",
      newAccount().call("DescribeChannel", { ChannelARN }),
      /not supported/,
    );
  });

  suite.injectedErrors("DescribeChannel", () => Promise.resolve({ ChannelARN }));
});
