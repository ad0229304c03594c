/** The other side of the wire: requests out of contract values, contract values out of responses. */
import { GetRecords, ServiceError } from "@millrace/api";
import type { Decoded, InputOf, Operation, OutputOf, Service, StructureShape } from "@millrace/api";
import { decodeRecordsQuickly } from "./cbor/decode-records.ts";
import { readEventStream, streamContractOf } from "./event-stream/events.ts";
import { CBOR_FORMAT, ErrorBody, formatOf, JSON_FORMAT } from "./formats.ts";
import type { Format, FormatName } from "./formats.ts";
import type { AnswerOf } from "./handlers.ts";
import { SerializationFault } from "./serialization-fault.ts";

export interface EncodedRequest {
  readonly method: "POST";
  readonly path: "/";
  /** Lower-case names. `host` and those of a signature are still to come. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: readonly Uint8Array[];
}

/** A response whose body has arrived. Names of headers are lower-case. */
export interface ReceivedResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** The same in the pieces in which the body came. */
export interface ReceivedPieces extends Omit<ReceivedResponse, "body"> {
  readonly body: readonly Uint8Array[];
}

type Operations<S extends Service> = S["operations"];
type OperationName<S extends Service> = keyof Operations<S> & string;

/**
 * Encodes a call.
 *
 * @throws {TypeError} when `input` does not have the types of the contract. Constraints are not
 * checked: that is for the service.
 */
export function encodeRequest<S extends Service, Name extends OperationName<S>>(
  contract: S,
  operationName: Name,
  input: InputOf<Operations<S>[Name]>,
  format: FormatName,
): EncodedRequest {
  const { contentType, encode } =
    format === "cbor"
      ? CBOR_FORMAT
      : { ...JSON_FORMAT, contentType: `application/x-amz-json-${contract.jsonVersion ?? "1.1"}` };
  const operation = operationOf(contract, operationName);
  return {
    method: "POST",
    path: "/",
    headers: {
      "content-type": contentType,
      "x-amz-target": `${contract.targetPrefix}.${operation.name}`,
    },
    body: encode(input as object, operation.input),
  };
}

/** The response with its body as one; no copy when there is only one piece. */
export function joinedResponse({ status, headers, body }: ReceivedPieces): ReceivedResponse {
  return {
    status,
    headers,
    body: body.length === 1 && body[0] !== undefined ? body[0] : Buffer.concat(body),
  };
}

/**
 * Decodes the response to an operation that answers with a body.
 *
 * @throws {ServiceError} the error that the response tells.
 * @throws {SerializationFault} when it does not fit the contract.
 */
export function decodeResponse<S extends Service, Name extends OperationName<S>>(
  contract: S,
  operationName: Name,
  response: ReceivedResponse | ReceivedPieces,
): OutputOf<Operations<S>[Name]> {
  const pieces = inPieces(response);
  if (response.status >= 300) throw decodeError(joinedResponse(pieces), contract);
  const operation = operationOf(contract, operationName);
  if (pieces.body.every(({ length }) => length === 0)) return {} as OutputOf<Operations<S>[Name]>;
  const format = responseFormat(response);
  if (operation === (GetRecords as Operation) && format === CBOR_FORMAT) {
    const answer = decodeRecordsQuickly(pieces.body);
    if (answer !== undefined) return answer as object as OutputOf<Operations<S>[Name]>;
  }
  return format.decode(joinedResponse(pieces).body, operation.output) as OutputOf<Operations<S>[Name]>;
}

function inPieces(response: ReceivedResponse | ReceivedPieces): ReceivedPieces {
  const { body } = response;
  return { ...response, body: body instanceof Uint8Array ? [body] : body };
}

/**
 * Decodes the body of a successful response to an operation that answers with an event stream. The
 * promise resolves with the first message; what the stream itself throws is told at
 * {@link readEventStream}. Responses with an error status have a body: {@link decodeError}.
 */
export async function decodeEventStream<S extends Service, Name extends OperationName<S>>(
  contract: S,
  operationName: Name,
  source: AsyncIterable<Uint8Array>,
): Promise<AnswerOf<Operations<S>[Name]>> {
  const stream = streamContractOf(operationOf(contract, operationName));
  if (stream === undefined) throw new TypeError(`${operationName} answers with a body`);
  return (await readEventStream(stream, source)) as AnswerOf<Operations<S>[Name]>;
}

/**
 * The error that a response tells: by its body, else by its `x-amzn-errortype` header, else by the name
 * of its XML element. A code without any of them is `UnknownError`. Prefixes such as
 * `com.amazon.coral.service#` are dropped. The details that the errors of `contract` have are told with it.
 */
export function decodeError(response: ReceivedResponse, contract?: Service): ServiceError {
  const body = bodyOf(response, ErrorBody);
  const code = body.__type ?? response.headers["x-amzn-errortype"] ?? xmlNameOf(response.body) ?? "";
  // Some services put an address behind a colon.
  const bare = (code.split(":")[0] ?? "").replace(/^.*#/, "");
  const message = body.message ?? body.Message ?? "";
  const details = contract?.errorDetails === undefined ? {} : bodyOf(response, contract.errorDetails);
  return new ServiceError(bare === "" ? "UnknownError" : bare, message, {
    status: response.status,
    ...(Object.keys(details).length === 0 ? {} : { details }),
  });
}

/** What an error's body says of these members, all of them optional; nothing where it does not fit them. */
function bodyOf<S extends StructureShape>(response: ReceivedResponse, shape: S): Partial<Decoded<S>> {
  try {
    return responseFormat(response).decode(response.body, shape);
  } catch (error) {
    if (!(error instanceof SerializationFault)) throw error;
    return {};
  }
}

/** The name of the outermost XML element, near the start. */
function xmlNameOf(body: Uint8Array): string | undefined {
  return /^\s*<([A-Za-z]{1,100})\s*\/?>/.exec(Buffer.from(body.subarray(0, 200)).toString("utf8"))?.[1];
}

function responseFormat(response: Pick<ReceivedResponse, "headers">): Format {
  return formatOf(response.headers["content-type"]) ?? JSON_FORMAT;
}

function operationOf(contract: Service, operationName: string): Operation {
  const operation = Object.hasOwn(contract.operations, operationName)
    ? contract.operations[operationName]
    : undefined;
  if (operation === undefined) throw new TypeError(`there is no operation ${operationName}`);
  return operation;
}
