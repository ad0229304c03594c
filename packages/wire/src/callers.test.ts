import { describe, expect, test } from "vitest";
import { callersFromHeaders } from "./index.ts";
import type { WireRequest } from "./index.ts";

function requestOf(headers: Record<string, string>, path = "/"): WireRequest {
  return {
    method: "POST",
    path,
    headers,
    body: new Uint8Array(0),
    remoteAddress: "192.0.2.1",
    viaTls: true,
    httpVersion: "1.1",
  };
}

function signedBy(accessKeyId: string, region = "eu-west-1"): Record<string, string> {
  return {
    "x-amz-date": "20261120T000000Z",
    authorization:
      `AWS4-HMAC-SHA256 Credential=${accessKeyId}/20261120/${region}/kinesis/aws4_request, ` +
      "SignedHeaders=host;x-amz-date, Signature=00",
  };
}

const callers = callersFromHeaders({ accounts: { AKIATEAMA: "111111111111" } });
const arn = { StreamARN: "arn:aws:kinesis:us-west-2:222222222222:stream/s" };

async function callerOf(request: WireRequest, input: unknown = {}) {
  return await callers(request, input, "id-1");
}

describe("callersFromHeaders", () => {
  test("an unsigned request is from account zero in us-east-1, whatever it names", async () => {
    const caller = await callerOf(requestOf({}), arn);
    expect({ ...caller, sourceIp: caller.sourceIp }).toEqual({
      accountId: "000000000000",
      region: "us-east-1",
      principal: "anonymous",
      sourceIp: "192.0.2.1",
      viaTls: true,
      requestId: "id-1",
    });
  });

  test("a configured access key has its account, also against an ARN", async () => {
    const caller = await callerOf(requestOf(signedBy("AKIATEAMA")), arn);
    expect(caller).toMatchObject({
      accountId: "111111111111",
      region: "eu-west-1",
      principal: "AKIATEAMA",
    });
  });

  test("an access key of twelve digits is its account", async () => {
    const caller = await callerOf(requestOf(signedBy("333333333333")), arn);
    expect(caller.accountId).toBe("333333333333");
  });

  test.each(["StreamARN", "ConsumerARN", "ResourceARN", "ChannelARN"])(
    "else the account is that of %s",
    async (member) => {
      const request = requestOf(signedBy("AKIAOTHER"));
      const caller = await callerOf(request, { [member]: arn.StreamARN });
      expect(caller).toMatchObject({ accountId: "222222222222", region: "eu-west-1" });
    },
  );

  test.each([undefined, {}, { StreamARN: "arn:aws:kinesis::x" }, { StreamARN: 5 }])(
    "else it is account zero (%j)",
    async (input) => {
      const caller = await callerOf(requestOf(signedBy("AKIAOTHER")), input);
      expect(caller.accountId).toBe("000000000000");
    },
  );

  test.each([
    ["as SDKs write it", "A Credential=AKIATEAMA/d/us-west-2/kinesis/x, SignedHeaders=h, Signature=0"],
    ["without spaces", "A Credential=AKIATEAMA/d/us-west-2/kinesis/x,SignedHeaders=h,Signature=0"],
    ["in another order", "A Signature=0 SignedHeaders=h,, Credential=AKIATEAMA/d/us-west-2/kinesis/x//"],
    [
      "with more",
      "A Credential=other, Credential=AKIATEAMA/d/us-west-2/kinesis/x, SignedHeaders=h, Signature=0, a",
    ],
    [
      "with a comma in the first word",
      "A,Credential=o Credential=AKIATEAMA/d/us-west-2/kinesis/x, SignedHeaders=h, Signature=0",
    ],
  ])("the parameters of a signature are found %s", async (_how, authorization) => {
    const signed = requestOf({ "x-amz-date": "20261120T000000Z", authorization });
    expect(await callerOf(signed)).toMatchObject({ accountId: "111111111111", region: "us-west-2" });
    const dated = requestOf({ date: "Fri, 20 Nov 2026 12:00:00 GMT", authorization });
    expect(await callerOf(dated)).toEqual(await callerOf(signed));
  });

  test("a presigned request carries its credential in the query", async () => {
    const path =
      "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=444444444444%2F20261120%2Fap-south-1" +
      "%2Fkinesis%2Faws4_request&X-Amz-Date=20261120T000000Z&X-Amz-SignedHeaders=host&X-Amz-Signature=00";
    expect(await callerOf(requestOf({}, path))).toMatchObject({
      accountId: "444444444444",
      region: "ap-south-1",
    });
  });

  test.each([
    [
      "a/b/c/d",
      "IncompleteSignatureException",
      "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'a/b/c/d'",
    ],
    [
      "a/b/c:d/e/f",
      "InvalidSignatureException",
      "Credential should be scoped to a valid region, not 'c:d'. ",
    ],
  ])("the credential %s is refused", async (credential, code, message) => {
    const headers = {
      date: "now",
      authorization: `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=host, Signature=00`,
    };
    await expect(callerOf(requestOf(headers))).rejects.toMatchObject({ code, message });
  });

  test("unsigned requests are refused when they are to be", () => {
    const strict = callersFromHeaders({ unsigned: "refuse" });
    expect(() => strict(requestOf({}), {}, "id")).toThrow("Missing Authentication Token");
    expect(strict(requestOf(signedBy("AKIAOTHER")), {}, "id")).toMatchObject({
      principal: "AKIAOTHER",
    });
  });
});
