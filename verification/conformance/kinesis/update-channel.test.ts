import { describe, test } from "vitest";
import * as suite from "../src/suite.ts";

const { newAccount, specify, violates } = suite;

const ChannelARN = "arn:aws:kinesis:us-east-1:123456789012:channel/delivery";

specify("UpdateChannel", () => {
  describe("validation", () => {
    test("a channel is needed", async () => {
      await violates("UpdateChannel", newAccount().call("UpdateChannel", {}), [
        suite.mustNotBeNull("channelARN"),
      ]);
    });

    test("a destination that is updated needs what is new about it", async () => {
      await violates(
        "UpdateChannel",
        newAccount().call("UpdateChannel", { ChannelARN, S3DestinationConfiguration: {} }),
        [suite.mustNotBeNull("s3DestinationConfiguration.dataFreshnessInSeconds")],
      );
    });
  });

  suite.ownCase("a channel is refused, since there are none", async () => {
    await suite.refused(
      "UpdateChannel",
      "InvalidArgumentException",
      newAccount().call("UpdateChannel", {
        ChannelARN,
        S3DestinationConfiguration: { DataFreshnessInSeconds: 600 },
      }),
      /not supported/,
    );
  });

  suite.injectedErrors("UpdateChannel", () =>
    Promise.resolve({ ChannelARN, S3DestinationConfiguration: { DataFreshnessInSeconds: 600 } }),
  );
});
