import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { decodeCbor, encodeCbor } from "../../src/cbor.ts";
import { authorization, cbor, headersOf, json, rawCasesRun, request, requestHttp2 } from "../../src/raw.ts";

const bodyOf = ({ body }: { body: Buffer }) => JSON.parse(body.toString("utf8")) as Record<string, unknown>;

describe.runIf(rawCasesRun)("a request", () => {
  describe.each([
    { version: "HTTP/1.1", send: request },
    { version: "HTTP/2", send: requestHttp2 },
  ])("over $version", ({ send }) => {
    test("is answered with the type that it had, a request id and an extended one", async () => {
      const answer = await send({ headers: headersOf("ListStreams"), body: "{}" });
      expect(answer.status).toBe(200);
      expect(answer.headers["content-type"]).toBe(json);
      expect(answer.headers["x-amzn-requestid"]).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
      expect(Buffer.from(answer.headers["x-amz-id-2"] ?? "", "base64").length).toBeGreaterThan(16);
      expect(answer.headers["date"]).toBeTruthy();
      expect(bodyOf(answer)).toMatchObject({ StreamNames: expect.any(Array) as unknown[] });
    });

    test("that fails is answered with a bare type and a message, as 400", async () => {
      const answer = await send({ headers: headersOf("DescribeStream"), body: '{"StreamName":"none"}' });
      expect(answer.status).toBe(400);
      expect(answer.headers["content-type"]).toBe(json);
      expect(bodyOf(answer)).toEqual({
        __type: "ResourceNotFoundException",
        message: "Stream none under account 000000000000 not found.",
      });
    });

    test("may be of 10 MiB and more", async () => {
      const body = JSON.stringify({ StreamName: "none", PartitionKey: "k", Data: "A".repeat(13_981_012) });
      const answer = await send({ headers: headersOf("PutRecord"), body });
      expect(bodyOf(answer)["__type"]).toBe("ResourceNotFoundException");
    });
  });

  describe("for an operation", () => {
    test.each(["Kinesis_20131202.Frobnicate", "Kinesis_20001231.ListStreams", "Firehose_20150804.Nothing"])(
      "that nobody knows is refused: %s",
      async (target) => {
        const answer = await request({ headers: { ...headersOf("x"), "x-amz-target": target }, body: "{}" });
        expect(answer.status).toBe(400);
        expect(bodyOf(answer)["__type"]).toBe("UnknownOperationException");
      },
    );
  });

  describe("whose body", () => {
    test.each(["{", "[]", '"text"', "12", "{]", '{"StreamName":"a"'])(
      "is no JSON object is refused: %s",
      async (body) => {
        const answer = await request({ headers: headersOf("DescribeStream"), body });
        expect(answer.status).toBe(400);
        expect(bodyOf(answer)["__type"]).toBe("SerializationException");
      },
    );

    test("is empty is refused", async () => {
      const answer = await request({ headers: headersOf("DescribeStream") });
      expect(answer.status).toBe(400);
      expect(bodyOf(answer)["__type"]).toBe("SerializationException");
    });

    test.each([
      { body: '{"StreamName":12}', member: "a number for a string" },
      { body: '{"StreamName":true}', member: "a boolean for a string" },
      { body: '{"StreamName":["a"]}', member: "a list for a string" },
      { body: '{"StreamName":{"a":1}}', member: "a structure for a string" },
      { body: '{"StreamName":"a","Limit":"ten"}', member: "a string for a number" },
      { body: '{"StreamName":"a","Limit":true}', member: "a boolean for a number" },
    ])("has $member is refused", async ({ body }) => {
      const answer = await request({ headers: headersOf("DescribeStream"), body });
      expect(answer.status).toBe(400);
      expect(bodyOf(answer)["__type"]).toBe("SerializationException");
    });

    test.each(["!!!!", "abc", "====", "YQ=a"])("has data that is no base64 is refused: %s", async (Data) => {
      const body = JSON.stringify({ StreamName: "a", PartitionKey: "k", Data });
      const answer = await request({ headers: headersOf("PutRecord"), body });
      expect(answer.status).toBe(400);
      expect(bodyOf(answer)["__type"]).toBe("SerializationException");
    });

    test("has a null is taken as if the member were absent", async () => {
      const answer = await request({ headers: headersOf("ListStreams"), body: '{"Limit":null}' });
      expect(answer.status).toBe(200);
    });

    test("has members that nobody knows is taken", async () => {
      const answer = await request({ headers: headersOf("ListStreams"), body: '{"Colour":"red"}' });
      expect(answer.status).toBe(200);
    });

    test("has escapes is read as what they stand for", async () => {
      const body = '{"StreamName":"\\u006e\\u006fne"}';
      const answer = await request({ headers: headersOf("DescribeStream"), body });
      expect(bodyOf(answer)["message"]).toBe("Stream none under account 000000000000 not found.");
    });

    test("came in chunks is read whole", async () => {
      const headers = { ...headersOf("DescribeStream"), "transfer-encoding": "chunked" };
      const answer = await request({ headers, body: '{"StreamName":"none"}' });
      expect(bodyOf(answer)["__type"]).toBe("ResourceNotFoundException");
    });

    test("was compressed is read", async () => {
      const headers = { ...headersOf("DescribeStream"), "content-encoding": "gzip" };
      const answer = await request({ headers, body: gzipSync('{"StreamName":"none"}') });
      expect(bodyOf(answer)["__type"]).toBe("ResourceNotFoundException");
    });
  });

  describe("the account", () => {
    test("is the access key id when that has twelve digits", async () => {
      const answer = await request({
        headers: { ...headersOf("DescribeStream"), authorization: authorization("210987654321") },
        body: '{"StreamName":"none"}',
      });
      expect(bodyOf(answer)["message"]).toBe("Stream none under account 210987654321 not found.");
    });

    test("keeps its streams from other accounts, and its regions apart", async () => {
      const at = (region: string, accountId: string) => ({
        ...headersOf("ListStreams"),
        authorization: authorization(accountId).replace(/\/[a-z0-9-]+\/kinesis\//, `/${region}/kinesis/`),
      });
      const account = "310987654321";
      const create = await request({
        headers: { ...at("eu-west-1", account), "x-amz-target": "Kinesis_20131202.CreateStream" },
        body: '{"StreamName":"apart","ShardCount":1}',
      });
      expect(create.status).toBe(200);
      const names = async (region: string, accountId: string) =>
        bodyOf(await request({ headers: at(region, accountId), body: "{}" }))["StreamNames"];
      expect(await names("eu-west-1", account)).toEqual(["apart"]);
      expect(await names("eu-west-2", account)).toEqual([]);
      expect(await names("eu-west-1", "410987654321")).toEqual([]);
    });
  });

  test("without a service to speak to is denied", async () => {
    const answer = await request({ method: "GET", headers: {} });
    expect(answer.status).toBe(403);
    expect(answer.body.toString()).toContain("AccessDeniedException");
  });

  test("of another type than the protocol's is not understood", async () => {
    const answer = await request({ headers: headersOf("ListStreams", "text/plain"), body: "{}" });
    expect(answer.status).toBe(404);
    expect(answer.body.toString()).toContain("UnknownOperationException");
  });

  test("asks first whether to go on, and is told to", async () => {
    const answer = await request({
      headers: { ...headersOf("DescribeStream"), expect: "100-continue", "content-length": "21" },
      body: '{"StreamName":"none"}',
    });
    expect(bodyOf(answer)["__type"]).toBe("ResourceNotFoundException");
  });

  test("in CBOR that fails is answered in CBOR, with the type in a header too", async () => {
    const answer = await request({
      headers: headersOf("DescribeStream", cbor),
      body: encodeCbor({ StreamName: "none" }),
    });
    expect(answer.status).toBe(400);
    expect(answer.headers["content-type"]).toBe(cbor);
    expect(answer.headers["x-amzn-errortype"]).toMatch(/^ResourceNotFoundException/);
    expect(decodeCbor(answer.body)).toEqual({
      __type: "ResourceNotFoundException",
      message: "Stream none under account 000000000000 not found.",
    });
  });
});
