import { describe, expect, test } from "vitest";
import type { ServiceUnderTest } from "../service-under-test.ts";
import { serviceUnderTest } from "../service-under-test.ts";

const STREAM = "arn:aws:kinesis:us-east-1:123456789012:stream/s";
const CHANNEL = "arn:aws:kinesis:us-east-1:123456789012:channel/c";
const INVALID =
  "Some tags contain invalid characters. Valid characters: Unicode letters, digits, white space, _ . / = + - % @.";

const LIMITS = { mode: "off" } as const;

async function withStream(): Promise<ServiceUnderTest> {
  const service = await serviceUnderTest({ limits: LIMITS });
  await service.createStream("s", 1);
  return service;
}

async function withConsumer(): Promise<ServiceUnderTest & { readonly consumerArn: string }> {
  const service = await withStream();
  const { Consumer } = await service.call("RegisterStreamConsumer", {
    StreamARN: STREAM,
    ConsumerName: "c",
    Tags: { first: "1" },
  });
  await service.clock.advance(60);
  return { ...service, consumerArn: Consumer.ConsumerARN };
}

const manyTags = (count: number): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`t${index}`, ""]));

describe("tags of a stream", () => {
  test("are added, replaced, listed in order of their keys and removed", async () => {
    const { call } = await withStream();
    expect(await call("ListTagsForStream", { StreamName: "s" })).toEqual({ Tags: [], HasMoreTags: false });
    const Tags = {
      a: "b",
      " ": "a",
      ÿ: "a",
      _: "a",
      "/": "a",
      "=": "",
      "+": "a",
      Zb: "z",
      0: "a",
      "@": "a",
      "x:y": "a",
    };
    await call("AddTagsToStream", { StreamName: "s", Tags });
    await call("AddTagsToStream", { StreamARN: STREAM, Tags: { a: "c" } });
    const listed = await call("ListTagsForStream", { StreamName: "s" });
    expect(listed.Tags.map(({ Key }) => Key)).toEqual([
      " ",
      "+",
      "/",
      "0",
      "=",
      "@",
      "Zb",
      "_",
      "a",
      "x:y",
      "ÿ",
    ]);
    expect(listed.Tags.find(({ Key }) => Key === "a")).toEqual({ Key: "a", Value: "c" });
    await call("RemoveTagsFromStream", { StreamName: "s", TagKeys: ["a", " ", "ÿ", "unknown"] });
    const { Tags: left } = await call("ListTagsForStream", { StreamARN: STREAM });
    expect(left.map(({ Key }) => Key)).toEqual(["+", "/", "0", "=", "@", "Zb", "_", "x:y"]);
  });

  test("come in pages, which go on behind any key", async () => {
    const { call } = await withStream();
    await call("AddTagsToStream", { StreamName: "s", Tags: { "@": "1", Zb: "2", _: "3", a: "4" } });
    const page = (input: object) => call("ListTagsForStream", { StreamName: "s", ...input });
    expect(await page({ ExclusiveStartTagKey: "@", Limit: 2 })).toEqual({
      Tags: [
        { Key: "Zb", Value: "2" },
        { Key: "_", Value: "3" },
      ],
      HasMoreTags: true,
    });
    expect(await page({ ExclusiveStartTagKey: "_", Limit: 1 })).toEqual({
      Tags: [{ Key: "a", Value: "4" }],
      HasMoreTags: false,
    });
    expect((await page({ ExclusiveStartTagKey: "Za%;" })).Tags.map(({ Key }) => Key)).toEqual([
      "Zb",
      "_",
      "a",
    ]);
    expect(await page({ ExclusiveStartTagKey: "b" })).toEqual({ Tags: [], HasMoreTags: false });
  });

  test.each(["abc;def", "abc\tdef", "abc\ndef", "abc,def"])("a key or value %j is refused", async (text) => {
    const { failureOf } = await withStream();
    const expected = { code: "InvalidArgumentException", message: INVALID, status: 400 };
    expect(await failureOf("AddTagsToStream", { StreamName: "s", Tags: { [text]: "1" } })).toEqual(expected);
    expect(await failureOf("AddTagsToStream", { StreamName: "s", Tags: { a: text } })).toEqual(expected);
    expect(await failureOf("RemoveTagsFromStream", { StreamName: "s", TagKeys: [text] })).toEqual(expected);
    expect(await failureOf("TagResource", { ResourceARN: STREAM, Tags: { [text]: "1" } })).toEqual(expected);
    expect(await failureOf("UntagResource", { ResourceARN: STREAM, TagKeys: [text] })).toEqual(expected);
    expect(await failureOf("CreateStream", { StreamName: "t", Tags: { [text]: "1" } })).toEqual(expected);
  });

  test("a per cent sign is refused in words of its own", async () => {
    const { failureOf } = await withStream();
    const because =
      "because some tags contained illegal characters. The allowed characters are " +
      "Unicode letters, white-spaces, '_',',','/','=','+','-','@'.";
    expect(await failureOf("AddTagsToStream", { StreamName: "s", Tags: { a: "5%" } })).toMatchObject({
      code: "InvalidArgumentException",
      message: `Failed to add tags to stream s under account 123456789012 ${because}`,
    });
    expect(await failureOf("RemoveTagsFromStream", { StreamName: "s", TagKeys: ["5%"] })).toMatchObject({
      code: "InvalidArgumentException",
      message: `Failed to remove tags from stream s under account 123456789012 ${because}`,
    });
  });

  test("are fifty at most, those that it has already included", async () => {
    const { call, failureOf } = await withStream();
    await call("AddTagsToStream", { StreamName: "s", Tags: manyTags(50) });
    await call("AddTagsToStream", { StreamName: "s", Tags: { t0: "again" } });
    expect(await failureOf("AddTagsToStream", { StreamName: "s", Tags: { t50: "" } })).toEqual({
      code: "InvalidArgumentException",
      message:
        "Failed to add tags to stream s under account 123456789012 because a given stream cannot have more than 10 tags associated with it.",
      status: 400,
    });
    expect((await failureOf("CreateStream", { StreamName: "t", Tags: manyTags(51) })).code).toBe(
      "InvalidArgumentException",
    );
  });

  test("a key that starts with aws: in any case is reserved", async () => {
    const { failureOf } = await withStream();
    for (const key of ["aws:x", "AWS:x"]) {
      expect((await failureOf("TagResource", { ResourceARN: STREAM, Tags: { [key]: "" } })).code).toBe(
        "InvalidArgumentException",
      );
    }
  });

  test("stay through a restart, and go with the stream", async () => {
    const { call, clock, restart } = await serviceUnderTest({ limits: LIMITS });
    const create = { StreamName: "s", ShardCount: 1 };
    await call("CreateStream", { ...create, Tags: { made: "with" } });
    await clock.advance(60);
    const service = await restart();
    const list = async () => (await service.call("ListTagsForStream", { StreamName: "s" })).Tags;
    expect(await list()).toEqual([{ Key: "made", Value: "with" }]);
    await service.call("DeleteStream", { StreamName: "s" });
    await clock.advance(60);
    await service.call("CreateStream", create);
    expect(await list()).toEqual([]);
  });

  test("that are added at once are all there", async () => {
    const { call } = await withStream();
    const keys = ["a", "b", "c", "d", "e"];
    await Promise.all(keys.map((key) => call("AddTagsToStream", { StreamName: "s", Tags: { [key]: key } })));
    expect((await call("ListTagsForStream", { StreamName: "s" })).Tags.map(({ Key }) => Key)).toEqual(keys);
  });
});

describe("tags of a resource", () => {
  test("of a stream are the same as the stream's", async () => {
    const { call } = await withStream();
    await call("TagResource", { ResourceARN: STREAM, Tags: { a: "1", b: "2" } });
    expect((await call("ListTagsForStream", { StreamName: "s" })).Tags).toHaveLength(2);
    await call("UntagResource", { ResourceARN: STREAM, TagKeys: ["a"] });
    expect(await call("ListTagsForResource", { ResourceARN: STREAM })).toEqual({
      Tags: [{ Key: "b", Value: "2" }],
    });
  });

  test("of a consumer are its own, and begin with those that it was registered with", async () => {
    const { call, consumerArn } = await withConsumer();
    await call("TagResource", { ResourceARN: consumerArn, Tags: { second: "2" } });
    await call("UntagResource", { ResourceARN: consumerArn, TagKeys: ["first"] });
    expect(await call("ListTagsForResource", { ResourceARN: consumerArn })).toEqual({
      Tags: [{ Key: "second", Value: "2" }],
    });
    expect((await call("ListTagsForResource", { ResourceARN: STREAM })).Tags).toEqual([]);
    const { ConsumerDescription } = await call("DescribeStreamConsumer", { ConsumerARN: consumerArn });
    expect(ConsumerDescription.ConsumerStatus).toBe("ACTIVE");
  });

  test("need the resource: what there is not is not found, a channel says that channels are not served", async () => {
    const { consumerArn, failureOf } = await withConsumer();
    const codeOf = async (ResourceARN: string) => {
      const failures = [
        await failureOf("TagResource", { ResourceARN, Tags: { a: "" } }),
        await failureOf("UntagResource", { ResourceARN, TagKeys: ["a"] }),
        await failureOf("ListTagsForResource", { ResourceARN }),
      ];
      const [{ code, message }] = failures as [(typeof failures)[0]];
      expect(failures.every((failure) => failure.code === code && failure.message === message)).toBe(true);
      return `${code}: ${message}`;
    };
    expect(await codeOf(STREAM.replace("/s", "/t"))).toBe(
      "ResourceNotFoundException: Stream t under account 123456789012 not found.",
    );
    expect(await codeOf(consumerArn.replace("consumer/c", "consumer/d"))).toMatch(
      /^ResourceNotFoundException: Consumer/,
    );
    expect(await codeOf(`${consumerArn}9`)).toMatch(/^ResourceNotFoundException: Consumer/);
    expect(await codeOf(CHANNEL)).toMatch(/^ResourceNotFoundException: .* does not serve channels\.$/);
    expect(await codeOf(`${STREAM}/else`)).toMatch(/^InvalidArgumentException: /);
  });

  test("of a stream that is DELETING no longer change", async () => {
    const { call, failureOf } = await withStream();
    await call("DeleteStream", { StreamName: "s" });
    expect(await failureOf("TagResource", { ResourceARN: STREAM, Tags: { a: "" } })).toEqual({
      code: "ResourceInUseException",
      message: "Stream s under account 123456789012 not ACTIVE, instead in state DELETING",
      status: 400,
    });
    for (const failure of [
      await failureOf("AddTagsToStream", { StreamName: "s", Tags: { a: "" } }),
      await failureOf("RemoveTagsFromStream", { StreamName: "s", TagKeys: ["a"] }),
      await failureOf("UntagResource", { ResourceARN: STREAM, TagKeys: ["a"] }),
    ]) {
      expect(failure.code).toBe("ResourceInUseException");
    }
  });
});
