import { randomUUID } from "node:crypto";
import { STATUS_CODES } from "node:http";
import type { WireResponse } from "../exchange.ts";

/**
 * A request that the listener itself turns away, before any service sees it. Types and statuses follow what
 * the AWS front ends answer for the same fault where that is known.
 */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: number;
  readonly type: string;

  constructor(status: number, type: string, message: string) {
    super(message);
    this.status = status;
    this.type = type;
  }
}

export const refusals = {
  malformed: (detail: string) => new Refusal(400, "SerializationException", detail),
  headersTooLarge: (maxBytes: number) =>
    new Refusal(431, "RequestHeaderSectionTooLargeException", `The request headers exceed ${maxBytes} bytes`),
  bodyTooLarge: (maxBytes: number) =>
    new Refusal(413, "RequestEntityTooLargeException", `The request body exceeds ${maxBytes} bytes`),
  tooSlow: (what: string) => new Refusal(408, "RequestTimeoutException", `${what} did not arrive in time`),
  unsupportedEncoding: (encoding: string) =>
    new Refusal(
      415,
      "UnsupportedMediaTypeException",
      `Content-Encoding ${encoding} is not supported, only gzip`,
    ),
  unsupportedMethod: (method: string) =>
    new Refusal(405, "MethodNotAllowedException", `The method ${method} is not supported`),
  expectationFailed: () =>
    new Refusal(417, "ExpectationFailedException", "Only Expect: 100-continue is supported"),
  outOfMemory: () =>
    new Refusal(
      503,
      "ServiceUnavailableException",
      "The server has no memory for this request now; try again",
    ),
  tooManyConnections: () =>
    new Refusal(
      503,
      "ServiceUnavailableException",
      "The server has as many connections as it takes; try again",
    ),
  tooManyPipelined: () =>
    new Refusal(503, "ServiceUnavailableException", "Too many requests wait for answers on this connection"),
  internal: () =>
    new Refusal(500, "InternalFailure", "The request failed inside the server; its log says why"),
};

/** The answer to a refused request. */
export function refusalResponse(refusal: Refusal): WireResponse {
  return {
    status: refusal.status,
    headers: {
      "content-type": "application/x-amz-json-1.1",
      "x-amzn-requestid": randomUUID(),
      "x-amzn-errortype": refusal.type,
    },
    body: Buffer.from(JSON.stringify({ __type: refusal.type, message: refusal.message })),
    close: true,
  };
}

/** The same as HTTP/1.1 bytes, for a connection on which no request could be told. */
export function refusalBytes(refusal: Refusal): Buffer {
  const { status, headers, body } = refusalResponse(refusal);
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`];
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
  const bytes = body as Buffer;
  lines.push(`content-length: ${bytes.length}`, "connection: close", "", "");
  return Buffer.concat([Buffer.from(lines.join("\r\n"), "latin1"), bytes]);
}

/**
 * Thrown by a service that wants the client to see its connection break instead of an answer: HTTP/1.1 closes
 * the socket, HTTP/2 resets the stream. Fault injection uses it.
 */
export class ConnectionDropped extends Error {
  override readonly name = "ConnectionDropped";
  constructor() {
    super("the connection is dropped without an answer");
  }
}
