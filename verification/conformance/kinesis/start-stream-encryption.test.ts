import { describe, expect, test } from "vitest";
import * as suite from "../src/suite.ts";

const { newAccount, refused, specify, utf8, violates } = suite;

const key = { EncryptionType: "KMS", KeyId: "alias/aws/kinesis" };

specify("StartStreamEncryption", () => {
  test("encrypts what is put from then on, and says so everywhere", async () => {
    const account = newAccount();
    const stream = await account.stream();
    const put = (text: string) =>
      account.call("PutRecord", { StreamName: stream.name, Data: utf8(text), PartitionKey: "k" });
    await put("plain");
    await account.call("StartStreamEncryption", { StreamName: stream.name, ...key });
    await account.settled(stream.name);
    const { StreamDescriptionSummary } = await account.call("DescribeStreamSummary", {
      StreamName: stream.name,
    });
    expect(StreamDescriptionSummary).toMatchObject(key);
    expect(await put("secret")).toMatchObject({ EncryptionType: "KMS" });
    const answer = await account.call("PutRecords", {
      StreamName: stream.name,
      Records: [{ Data: utf8("secret too"), PartitionKey: "k" }],
    });
    expect(answer.EncryptionType).toBe("KMS");
    const read = await suite.readShard(account, stream);
    expect(read.map(({ Data, EncryptionType }) => [suite.text(Data), EncryptionType])).toEqual([
      ["plain", undefined],
      ["secret", "KMS"],
      ["secret too", "KMS"],
    ]);
  });

  test("leaves the stream UPDATING meanwhile", async () => {
    const account = newAccount();
    await account.id();
    await suite.whileInState(async () => {
      const { name } = await account.stream();
      await account.call("StartStreamEncryption", { StreamName: name, ...key });
      const { StreamDescriptionSummary } = await suite.patiently(() =>
        account.call("DescribeStreamSummary", { StreamName: name }),
      );
      if (StreamDescriptionSummary.StreamStatus !== "UPDATING") throw new Error("too slow to see it");
      await account.settled(name);
    });
  });

  suite.timed("25 times a day, and no more", async (advance) => {
    const account = newAccount();
    const { name } = await account.stream();
    for (let time = 0; time < 25; time++) {
      await account.call("StartStreamEncryption", { StreamName: name, ...key, KeyId: `alias/key-${time}` });
      await advance(1_000);
      await account.settled(name);
    }
    await refused(
      "StartStreamEncryption",
      "LimitExceededException",
      account.call("StartStreamEncryption", { StreamName: name, ...key }),
    );
  });

  describe("validation", () => {
    test("a type and a key are needed", async () => {
      await violates(
        "StartStreamEncryption",
        newAccount().call("StartStreamEncryption", { StreamName: "none" }),
        [suite.mustNotBeNull("encryptionType"), suite.mustNotBeNull("keyId")],
      );
    });

    test("a type is one of two", async () => {
      await suite.violatesValues(
        "StartStreamEncryption",
        newAccount().call("StartStreamEncryption", {
          StreamName: "none",
          EncryptionType: "ROT13",
          KeyId: "k",
        }),
        "encryptionType",
        "ROT13",
        ["NONE", "KMS"],
      );
    });

    test("a key is not empty", async () => {
      await violates(
        "StartStreamEncryption",
        newAccount().call("StartStreamEncryption", { StreamName: "none", EncryptionType: "KMS", KeyId: "" }),
        [suite.tooShort("keyId", "", 1)],
      );
    });
  });

  suite.needsActiveStream("StartStreamEncryption", (_, { name }) => ({ StreamName: name, ...key }));
  suite.streamAddressing("StartStreamEncryption", () => key);
  suite.injectedErrors("StartStreamEncryption", async (account) => ({
    StreamName: (await account.stream()).name,
    ...key,
  }));
});
