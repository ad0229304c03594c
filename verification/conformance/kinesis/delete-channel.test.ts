import { describe, test } from "vitest";
import * as suite from "../src/suite.ts";

const { newAccount, specify, violates } = suite;

const ChannelARN = "arn:aws:kinesis:us-east-1:123456789012:channel/delivery";
const pattern = "arn:aws.*:kinesis:.*:\\d{12}:channel/\\S+";

specify("DeleteChannel", () => {
  describe("validation", () => {
    test("a channel is needed", async () => {
      await violates("DeleteChannel", newAccount().call("DeleteChannel", {}), [
        suite.mustNotBeNull("channelARN"),
      ]);
    });

    test("an ARN looks like one of a channel", async () => {
      await violates("DeleteChannel", newAccount().call("DeleteChannel", { ChannelARN: "x" }), [
        suite.offPattern("channelARN", "x", pattern),
      ]);
    });
  });

  suite.ownCase("a channel is refused, since there are none", async () => {
    await suite.refused(
      "DeleteChannel",
      "InvalidArgumentException",
      newAccount().call("DeleteChannel", { ChannelARN }),
      /not supported/,
    );
  });

  suite.injectedErrors("DeleteChannel", () => Promise.resolve({ ChannelARN }));
});
