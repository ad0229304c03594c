/**
 * The answers to requests that never reach an operation, as recorded by kinesalite's suite against the
 * service (`test/connection.js`), and the bodies of errors in general.
 */
import { ServiceError } from "@millrace/api";
import { ErrorBody } from "./formats.ts";
import type { Format } from "./formats.ts";
import type { WireResponse } from "./exchange.ts";
import type { SerializationFault } from "./serialization-fault.ts";

/** An answer before the headers that every answer has. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: WireResponse["body"];
  readonly release?: WireResponse["release"];
  /** The error that it tells, for the log. */
  readonly errorCode?: string;
}

const noBytes = new Uint8Array(0);

/** What the service says of a fault of its own; what really happened is in the log. */
export const INTERNAL_FAILURE_MESSAGE =
  "The request processing has failed because of an unknown error, exception or failure.";

/** A refusal of an operation. */
export function errorReply(format: Format, error: ServiceError): Reply {
  return typed(format, error.code, error.status, { message: error.message });
}

/** A body that could not be decoded; without text when it was no document. */
export function serializationReply(format: Format, fault: SerializationFault): Reply {
  const text = fault.message === "" ? {} : { Message: fault.message };
  return typed(format, "SerializationException", 400, text);
}

/** A fault that the service tells without any text. */
export function silentReply(format: Format, code: string): Reply {
  return typed(format, code, 400, {});
}

function typed(
  format: Format,
  code: string,
  status: number,
  text: { message?: string; Message?: string },
): Reply {
  return {
    status,
    headers: {
      "Content-Type": format.contentType,
      ...(format.name === "cbor" ? { "x-amzn-ErrorType": code } : {}),
    },
    body: format.encode({ __type: code, ...text }, ErrorBody),
    errorCode: code,
  };
}

/** Requests for an older protocol, sent as `application/json`, get no further than this. */
export function deprecatedReply(code: "SerializationException" | "UnknownOperationException"): Reply {
  const body = { Output: { __type: `com.amazon.coral.service#${code}` }, Version: "1.0" };
  return {
    status: code === "UnknownOperationException" ? 404 : 400,
    headers: { "Content-Type": "application/json" },
    body: Buffer.from(JSON.stringify(body)),
    errorCode: code,
  };
}

/** A request in no protocol that the service knows is answered in XML, and without a `Content-Type`. */
export function xmlReply(code: string, message: string): Reply {
  const text = message.replace(/[&<>]/g, (character) => xmlEntities[character] ?? character);
  return {
    status: 403,
    headers: {},
    body: Buffer.from(`<${code}>\n  <Message>${text}</Message>\n</${code}>\n`),
    errorCode: code,
  };
}

const xmlEntities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };

/** A named operation in a protocol that the service does not know. */
export function xmlUnknownOperationReply(): Reply {
  return {
    status: 404,
    headers: {},
    body: Buffer.from("<UnknownOperationException/>\n"),
    errorCode: "UnknownOperationException",
  };
}

/** The answer to a browser that asks whether it may call. */
export function preflightReply(requestHeaders: Readonly<Record<string, string>>): Reply {
  const wantedHeaders = requestHeaders["access-control-request-headers"];
  const wantedMethod = requestHeaders["access-control-request-method"];
  return {
    status: 200,
    headers: {
      ...(wantedHeaders ? { "Access-Control-Allow-Headers": wantedHeaders } : {}),
      ...(wantedMethod ? { "Access-Control-Allow-Methods": wantedMethod } : {}),
      "Access-Control-Max-Age": "172800",
    },
    body: noBytes,
  };
}

/** The one error that stands for every bug. */
export function internalFailure(): ServiceError {
  return new ServiceError("InternalFailureException", INTERNAL_FAILURE_MESSAGE);
}

/** The body of an answer whose contract has no members. */
export function emptyBody(): Uint8Array {
  return noBytes;
}
