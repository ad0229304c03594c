import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { sign, signingKey } from "./index.ts";
import type { SigningInput } from "./index.ts";

/** The suite that AWS publishes for Signature Version 4: one set of credentials, one instant. */
const suite = {
  credentials: {
    accessKeyId: "AKIDEXAMPLE",
    secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
  },
  region: "us-east-1",
  service: "service",
  // 2015-08-30T12:36:00Z
  dateMs: 1_440_938_160_000,
} as const;

const host = { host: "example.amazonaws.com" };

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function signatureOf(input: Partial<SigningInput>, body = ""): string {
  const { authorization } = sign({
    method: "GET",
    path: "/",
    headers: host,
    bodySha256: sha256(body),
    ...suite,
    ...input,
  });
  return authorization?.replace(/^.*Signature=/, "") ?? "";
}

describe("signatures of the published suite", () => {
  test.each([
    ["get-vanilla", {}, "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"],
    [
      "get-vanilla-query-order-key-case",
      { path: "/?Param2=value2&Param1=value1" },
      "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
    ],
    ["post-vanilla", { method: "POST" }, "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"],
    [
      "post-header-key-sort",
      { method: "POST", headers: { "my-header1": "value1", ...host } },
      "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
    ],
    [
      "get-header-value-trim",
      { headers: { ...host, "my-header1": " value1", "my-header2": ' "a   b   c"' } },
      "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
    ],
    [
      "get-relative-relative",
      { path: "/example1/example2/../.." },
      "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    ],
    [
      "get-slashes",
      { path: "//example//" },
      "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84",
    ],
  ] satisfies [string, Partial<SigningInput>, string][])("%s", (_name, input, expected) => {
    expect(signatureOf(input)).toBe(expected);
  });

  test("post-x-www-form-urlencoded", () => {
    const headers = { "content-type": "application/x-www-form-urlencoded", ...host };
    expect(signatureOf({ method: "POST", headers }, "Param1=value1")).toBe(
      "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
    );
  });
});

describe("sign", () => {
  test("the headers to add name the date, the scope and what was signed", () => {
    expect(sign({ method: "GET", path: "/", headers: host, bodySha256: sha256(""), ...suite })).toEqual({
      "x-amz-date": "20150830T123600Z",
      authorization:
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, " +
        "SignedHeaders=host;x-amz-date, " +
        "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    });
  });

  test("a session token is added and signed", () => {
    const credentials = { ...suite.credentials, sessionToken: "token" };
    const headers = sign({
      method: "POST",
      path: "/",
      headers: host,
      bodySha256: sha256(""),
      ...suite,
      credentials,
    });
    expect(headers["x-amz-security-token"]).toBe("token");
    expect(headers["authorization"]).toContain("SignedHeaders=host;x-amz-date;x-amz-security-token,");
  });

  test("headers that proxies change are not signed", () => {
    const headers = { ...host, "user-agent": "x", expect: "100-continue" };
    expect(signatureOf({ headers })).toBe(signatureOf({}));
  });

  test("the key of the published example, and its use in place of the secret", () => {
    const { secretAccessKey } = suite.credentials;
    expect(Buffer.from(signingKey(secretAccessKey, "20120215", "us-east-1", "iam")).toString("hex")).toBe(
      "f4780e2d9f65fa895f9c67b32ce1baf0b0d8a43505a000a1a9e090d414db404d",
    );
    const key = signingKey(secretAccessKey, "20150830", "us-east-1", "service");
    expect(signatureOf({ key })).toBe(signatureOf({}));
  });
});
