import { describe, test } from "vitest";
import * as suite from "../src/suite.ts";

const { newAccount, specify, uniqueName, violates } = suite;

const channelTo = (StreamARN: string) => ({
  ChannelName: uniqueName("channel"),
  ServiceExecutionRoleARN: "arn:aws:iam::123456789012:role/delivery",
  StreamConfigurationList: [{ StreamARN, RecordConfiguration: { RecordFormatType: "JSON" } }],
  S3DestinationConfiguration: {
    StorageConfiguration: {
      BucketARN: "arn:aws:s3:::bucket",
      ExpectedBucketOwner: "123456789012",
      CompressionType: "GZIP",
    },
  },
});

specify("CreateChannel", () => {
  describe("validation", () => {
    test("a name, a role and streams are needed", async () => {
      await violates("CreateChannel", newAccount().call("CreateChannel", {}), [
        suite.mustNotBeNull("channelName"),
        suite.mustNotBeNull("serviceExecutionRoleARN"),
        suite.mustNotBeNull("streamConfigurationList"),
      ]);
    });

    test("a name has the characters of one", async () => {
      const account = newAccount();
      const input = channelTo(await suite.arnOf(account, "none"));
      await violates("CreateChannel", account.call("CreateChannel", { ...input, ChannelName: "a b" }), [
        suite.offPattern("channelName", "a b", suite.patterns.name),
      ]);
    });

    test("a stream's records have one of four formats", async () => {
      const account = newAccount();
      const StreamARN = await suite.arnOf(account, "none");
      await suite.violatesValues(
        "CreateChannel",
        account.call("CreateChannel", {
          ...channelTo(StreamARN),
          StreamConfigurationList: [{ StreamARN, RecordConfiguration: { RecordFormatType: "XML" } }],
        }),
        "streamConfigurationList.1.member.recordConfiguration.recordFormatType",
        "XML",
        ["GSR_JSON", "JSON", "STRING", "BYTE_ARRAY"],
      );
    });
  });

  suite.ownCase("a channel is refused, since there are none", async () => {
    const account = newAccount();
    const { arn } = await account.stream({ StreamModeDetails: { StreamMode: "ON_DEMAND" } });
    await suite.refused(
      "CreateChannel",
      "InvalidArgumentException",
      account.call("CreateChannel", channelTo(arn)),
      /not supported/,
    );
  });

  suite.injectedErrors("CreateChannel", async (account) => channelTo(await suite.arnOf(account, "stream")));
});
