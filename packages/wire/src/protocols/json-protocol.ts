/**
 * AWS JSON 1.0 and 1.1 as services other than Kinesis speak them: the target header names the operation, errors
 * carry the name space of their service, and a checksum of the body stands in `x-amz-crc32`, which the SDK for
 * Java compares.
 */
import { crc32 } from "node:zlib";
import { optional, string, structure } from "@millrace/api";
import type { Operation, Service, ServiceError, StructureShape } from "@millrace/api";
import type { WireRequest } from "../exchange.ts";
import { JSON_FORMAT, mediaTypeOf } from "../formats.ts";
import type { Reply } from "../protocol-answers.ts";
import type { Protocol } from "./protocol.ts";

const CONTENT_TYPES = ["application/x-amz-json-1.0", "application/x-amz-json-1.1"];

/** Refusals that come from the service's framework have its name spaces. */
const frameworkNamespaces: Readonly<Record<string, string>> = {
  ValidationException: "com.amazon.coral.validate",
  SerializationException: "com.amazon.coral.service",
  UnknownOperationException: "com.amazon.coral.service",
  AccessDeniedException: "com.amazon.coral.service",
  IncompleteSignatureException: "com.amazon.coral.service",
  InvalidSignatureException: "com.amazon.coral.service",
  MissingAuthenticationTokenException: "com.amazon.coral.service",
};

export function jsonProtocol(contract: Service): Protocol {
  const { targetPrefix, errorNamespace, errorDetails, queryErrorCodes } = contract;
  const errorBody = structure({
    __type: optional(string()),
    message: optional(string()),
    ...errorDetails?.members,
  });
  const reply = (
    status: number,
    pieces: readonly Buffer[],
    more: Readonly<Record<string, string>>,
  ): Reply => {
    let sum = 0;
    for (const piece of pieces) sum = crc32(piece, sum);
    return {
      status,
      headers: { "Content-Type": CONTENT_TYPES[0]!, "x-amz-crc32": String(sum), ...more },
      body: pieces,
    };
  };
  return {
    operationNamed({ headers }: WireRequest) {
      const target = headers["x-amz-target"];
      if (target === undefined || !CONTENT_TYPES.includes(mediaTypeOf(headers["content-type"])))
        return undefined;
      return target.startsWith(`${targetPrefix}.`) ? target.slice(targetPrefix.length + 1) : undefined;
    },
    decode: (request: WireRequest, operation: Operation) =>
      // Base64 is decoded into memory that other values share, but never into that of the body.
      JSON_FORMAT.decode(request.body, operation.input),
    answer(operation: Operation, output: object) {
      const isSilent = Object.keys(operation.output.members).length === 0;
      return reply(200, isSilent ? [] : JSON_FORMAT.encode(output as never, operation.output), {});
    },
    refusal(error: ServiceError, { headers }: WireRequest) {
      const namespace = frameworkNamespaces[error.code] ?? errorNamespace;
      const body = {
        __type: namespace === undefined ? error.code : `${namespace}#${error.code}`,
        message: error.message,
        ...error.details,
      };
      // Clients that used to speak the query protocol ask for the codes that it had.
      const queryMode =
        headers["x-amzn-query-mode"] === "true"
          ? {
              "x-amzn-query-error": `${queryErrorCodes?.[error.code] ?? error.code};${
                error.status < 500 ? "Sender" : "Receiver"
              }`,
            }
          : {};
      return {
        ...reply(error.status, JSON_FORMAT.encode(body as object, errorBody as StructureShape), queryMode),
        errorCode: error.code,
      };
    },
  };
}
