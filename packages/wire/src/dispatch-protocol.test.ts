/** The checks before the handler and the headers of every answer, as recorded against the service. */
import { seededRandom } from "@millrace/runtime";
import { describe, expect, test } from "vitest";
import { bytesOf, cbor, json, random, requestId, requestOf, serviceOf } from "./test-support.ts";
import type { RawRequest, Setup } from "./test-support.ts";

const listStreams = "Kinesis_20131202.ListStreams";

async function send(raw: RawRequest, setup?: Setup) {
  const response = await serviceOf(setup)(requestOf(raw));
  return { ...response, text: bytesOf(response).toString(), contentType: response.headers["Content-Type"] };
}

const incompleteHeader =
  "Authorization header requires 'Credential' parameter. " +
  "Authorization header requires 'Signature' parameter. " +
  "Authorization header requires 'SignedHeaders' parameter. " +
  "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. " +
  "Authorization=X";
const incompleteQuery =
  "AWS query-string parameters must include 'X-Amz-Algorithm'. " +
  "AWS query-string parameters must include 'X-Amz-Credential'. " +
  "AWS query-string parameters must include 'X-Amz-Signature'. " +
  "AWS query-string parameters must include 'X-Amz-SignedHeaders'. " +
  "AWS query-string parameters must include 'X-Amz-Date'. " +
  "Re-examine the query-string parameters.";
const both = "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.";
const undetermined = "Unable to determine service/operation name to be authorized";

function xml(code: string, message: string): string {
  return `<${code}>\n  <Message>${message}</Message>\n</${code}>\n`;
}

describe("requests that reach no operation, as recorded against the service", () => {
  test.each(["GET", "PUT", "DELETE", "OPTIONS"])("%s is refused in XML", async (method) => {
    const { status, text, contentType } = await send({ method });
    expect({ status, text, contentType }).toEqual({
      status: 403,
      text: xml("AccessDeniedException", undetermined),
      contentType: undefined,
    });
  });

  test.each([
    [{}, "UnknownOperationException"],
    [{ "content-type": "application/x-amz-json-1.0" }, "UnknownOperationException"],
    [{ "content-type": "application/json" }, "UnknownOperationException"],
    [{ "x-amz-target": "Whatever" }, "UnknownOperationException"],
    [{ "x-amz-target": "Kinesis_20131202." }, "UnknownOperationException"],
    [{ "x-amz-target": "Kinesis_20131202.ListStream" }, "UnknownOperationException"],
    [{ "x-amz-target": "Whatever.ListStreams" }, "UnknownOperationException"],
    [{ "x-amz-target": "Kinesis_20131202.constructor" }, "UnknownOperationException"],
    [{ "x-amz-target": listStreams }, "SerializationException"],
    [{ "x-amz-target": listStreams, "content-type": "application/json" }, "SerializationException"],
    [{ "x-amz-target": listStreams, "content-type": cbor }, "SerializationException"],
  ] satisfies [Record<string, string>, string][])(
    "no body with %j is a CBOR fault without a text",
    async (headers, code) => {
      const response = await serviceOf()(requestOf({ headers }));
      expect(response.status).toBe(400);
      expect(response.headers["Content-Type"]).toBe(cbor);
      expect(response.headers["x-amzn-ErrorType"]).toBe(code);
      expect(bytesOf(response).toString("latin1")).toContain(code);
    },
  );

  test.each([
    ["", "UnknownOperationException"],
    [listStreams, "SerializationException"],
  ])("no body for the target '%s' is a JSON fault when JSON was announced", async (target, code) => {
    const headers = { "content-type": json, "x-amz-target": target };
    expect(await send({ headers })).toMatchObject({
      status: 400,
      contentType: json,
      text: `{"__type":"${code}"}`,
    });
  });

  test("a body of no known type is refused in XML", async () => {
    expect(await send({ body: "{}" })).toMatchObject({
      status: 403,
      text: xml("AccessDeniedException", undetermined),
    });
    const headers = { "x-amz-target": listStreams, "content-type": "text/plain" };
    expect(await send({ headers, body: "{}" })).toMatchObject({
      status: 404,
      text: "<UnknownOperationException/>\n",
    });
  });

  test.each([
    ["{}", 404, "UnknownOperationException"],
    ["hello", 400, "SerializationException"],
  ])("the older protocol's %s gets no further", async (body, status, code) => {
    const headers = { "x-amz-target": listStreams, "content-type": "   application/json     ;" };
    expect(await send({ headers, body })).toMatchObject({
      status,
      contentType: "application/json",
      text: `{"Output":{"__type":"com.amazon.coral.service#${code}"},"Version":"1.0"}`,
    });
  });

  test.each(["hello", "true", "null", "5", '"{}"', "{", "{} x"])(
    "the body %s is no document, told before the target is looked at",
    async (body) => {
      for (const target of [listStreams, "whatever"]) {
        const headers = { "content-type": json, "x-amz-target": target };
        expect(await send({ headers, body })).toMatchObject({
          status: 400,
          text: '{"__type":"SerializationException"}',
        });
      }
    },
  );

  test("an unknown target with a body", async () => {
    expect(await send({ headers: { "content-type": json }, body: "{}" })).toMatchObject({
      status: 400,
      contentType: json,
      text: '{"__type":"UnknownOperationException"}',
    });
  });
});

describe("who is asking", () => {
  const headers = { "content-type": json, "x-amz-target": listStreams };

  test.each([
    ["/", { authorization: "X" }, "IncompleteSignatureException", incompleteHeader],
    ["/?X-Amz-Algorith", { authorization: "X" }, "IncompleteSignatureException", incompleteHeader],
    ["/?X-Amz-Algorithm", {}, "IncompleteSignatureException", incompleteQuery],
    ["/?X-Amz-Algorithm", { authorization: "X" }, "InvalidSignatureException", both],
    [
      "/?X-Amz-Algorithm=a&X-Amz-Credential=b&X-Amz-Signature=c&X-Amz-Date=d",
      {},
      "IncompleteSignatureException",
      "AWS query-string parameters must include 'X-Amz-SignedHeaders'. Re-examine the query-string parameters.",
    ],
    [
      "/",
      { authorization: "AWS4- Signature=b Credential=a", date: "a" },
      "IncompleteSignatureException",
      "Authorization header requires 'SignedHeaders' parameter. Authorization=AWS4- Signature=b Credential=a",
    ],
    [
      "/",
      { authorization: "AWS4- Signature=b, Credential=a", date: "a" },
      "IncompleteSignatureException",
      "Authorization header requires 'SignedHeaders' parameter. Authorization=AWS4- Signature=b, Credential=a",
    ],
  ] satisfies [string, Record<string, string>, string, string][])(
    "%s with %j: %s",
    async (path, authorization, code, message) => {
      const refused = await send({ path, headers: { ...headers, ...authorization }, body: "{}" });
      expect(refused.status).toBe(400);
      expect(JSON.parse(refused.text)).toEqual({ __type: code, message });
      // The same before a method that is not served, in XML.
      const inXml = await send({ path, method: "GET", headers: authorization });
      expect(inXml).toMatchObject({ status: 403, text: xml(code, message) });
    },
  );

  test("markup in a header is escaped where it is quoted", async () => {
    const { text } = await send({ method: "GET", headers: { authorization: "<&>" } });
    expect(text).toContain("Authorization=&lt;&amp;&gt;");
  });

  test("unsigned requests are served unless they are to be refused", async () => {
    expect((await send({ headers, body: "{}" })).status).toBe(200);
    const refused = await send({ headers, body: "{}" }, { unsigned: "refuse" });
    expect(JSON.parse(refused.text)).toEqual({
      __type: "MissingAuthenticationTokenException",
      message: "Missing Authentication Token",
    });
    const inXml = await send({ method: "GET" }, { unsigned: "refuse" });
    expect(inXml).toMatchObject({
      status: 403,
      text: xml("MissingAuthenticationTokenException", "Missing Authentication Token"),
    });
  });

  test("a wrong type is told after the signature, a wrong value after the type", async () => {
    const wrong = '{"Limit":"x","NextToken":""}';
    const unsigned = await send({ headers: { ...headers, authorization: "X" }, body: wrong });
    expect(JSON.parse(unsigned.text).__type).toBe("IncompleteSignatureException");
    expect(JSON.parse((await send({ headers, body: wrong })).text)).toEqual({
      __type: "SerializationException",
      Message: "class java.lang.String can not be converted to an Integer",
    });
    expect(JSON.parse((await send({ headers, body: '{"NextToken":""}' })).text)).toEqual({
      __type: "ValidationException",
      message:
        "1 validation error detected: Value '' at 'nextToken' failed to satisfy constraint: " +
        "Member must have length greater than or equal to 1",
    });
  });
});

describe("headers of every answer", () => {
  test("ids, the date and the type", async () => {
    const { headers } = await send({
      headers: { "content-type": json, "x-amz-target": listStreams },
      body: "{}",
    });
    expect(headers).toEqual({
      "x-amzn-RequestId": requestId,
      "x-amz-id-2": Buffer.from(random.bytes(72)).toString("base64"),
      "Content-Type": json,
      Date: "Fri, 20 Nov 2026 12:00:00 GMT",
    });
  });

  test("no two requests of a service have an id in common, however many there are", async () => {
    const service = serviceOf({}, undefined, seededRandom(1));
    const ids = new Set<string>();
    for (let count = 1; count <= 100; count += 1) {
      const { headers } = await service(requestOf({ body: "{}" }));
      const { "x-amzn-RequestId": shortId = "", "x-amz-id-2": extendedId = "" } = headers;
      expect(shortId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(Buffer.from(extendedId, "base64")).toHaveLength(72);
      ids.add(shortId).add(extendedId);
      expect(ids.size).toBe(count * 2);
    }
  });

  test("a browser's preflight is answered without an operation", async () => {
    const response = await send({
      method: "OPTIONS",
      headers: {
        origin: "https://example.org",
        "access-control-request-headers": "a, b, c",
        "access-control-request-method": "d",
      },
    });
    expect(response).toMatchObject({ status: 200, text: "" });
    expect(response.headers).toEqual({
      "x-amzn-RequestId": requestId,
      Date: "Fri, 20 Nov 2026 12:00:00 GMT",
      "Access-Control-Allow-Origin": "*",
      "Access-Control-Allow-Headers": "a, b, c",
      "Access-Control-Allow-Methods": "d",
      "Access-Control-Max-Age": "172800",
    });
  });

  test("an answer to a browser says what may be read", async () => {
    const { headers } = await send({ headers: { origin: "https://example.org" } });
    expect(headers).toMatchObject({
      "Access-Control-Allow-Origin": "*",
      "Access-Control-Expose-Headers":
        "x-amzn-RequestId,x-amzn-ErrorType,x-amz-request-id,x-amz-id-2,x-amzn-ErrorMessage,Date",
    });
  });
});
