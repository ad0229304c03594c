import { describe, expect, test } from "vitest";
import * as suite from "../src/suite.ts";

const { newAccount, specify, utf8, violates } = suite;

const key = { EncryptionType: "KMS", KeyId: "alias/aws/kinesis" };

async function encrypted(account: suite.Account): Promise<suite.Stream> {
  const stream = await account.stream();
  await account.call("StartStreamEncryption", { StreamName: stream.name, ...key });
  await account.settled(stream.name);
  return stream;
}

specify("StopStreamEncryption", () => {
  test("leaves later records plain, and earlier ones readable", async () => {
    const account = newAccount();
    const stream = await encrypted(account);
    const put = (text: string) =>
      account.call("PutRecord", { StreamName: stream.name, Data: utf8(text), PartitionKey: "k" });
    await put("secret");
    await account.call("StopStreamEncryption", { StreamName: stream.name, ...key });
    await account.settled(stream.name);
    await put("plain");
    const { StreamDescriptionSummary } = await account.call("DescribeStreamSummary", {
      StreamName: stream.name,
    });
    expect(StreamDescriptionSummary.EncryptionType).toBe("NONE");
    expect(StreamDescriptionSummary.KeyId).toBeUndefined();
    const read = await suite.readShard(account, stream);
    expect(read.map(({ Data, EncryptionType }) => [suite.text(Data), EncryptionType])).toEqual([
      ["secret", "KMS"],
      ["plain", undefined],
    ]);
  });

  describe("validation", () => {
    test("a type and a key are needed", async () => {
      await violates(
        "StopStreamEncryption",
        newAccount().call("StopStreamEncryption", { StreamName: "none" }),
        [suite.mustNotBeNull("encryptionType"), suite.mustNotBeNull("keyId")],
      );
    });
  });

  suite.needsActiveStream("StopStreamEncryption", (_, { name }) => ({ StreamName: name, ...key }));
  suite.streamAddressing("StopStreamEncryption", async (account, stream) => {
    if (stream.name !== "none") {
      await account.call("StartStreamEncryption", { StreamName: stream.name, ...key });
      await account.settled(stream.name);
    }
    return key;
  });
  suite.injectedErrors("StopStreamEncryption", async (account) => ({
    StreamName: (await encrypted(account)).name,
    ...key,
  }));
});
