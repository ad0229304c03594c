/**
 * From request bytes to a handler and back. The order in which a request is checked, and what it is
 * told, is that of the service (recorded by kinesalite):
 *
 * 1. `OPTIONS` with an origin: the answer to a browser's preflight.
 * 2. Any other method than `POST`, or a body in an unknown format: XML.
 * 3. No body: `UnknownOperationException` or, for a known target, `SerializationException`.
 * 4. A body that is no document: `SerializationException`, without a text.
 * 5. An unknown target: `UnknownOperationException`.
 * 6. Who is asking: `IncompleteSignatureException` and its like.
 * 7. Values of the wrong type: `SerializationException` with a text.
 * 8. Constraints: `ValidationException`.
 * 9. The handler.
 *
 * The path of a request does not matter. Requests that are not signed are let through unless `callers`
 * refuses them; everything else about signatures is theirs too.
 */
import { ServiceError, validationMessage, violations } from "@millrace/api";
import type { Operation, Service } from "@millrace/api";
import type { Clock, Logger, Random } from "@millrace/runtime";
import type { Callers } from "./callers.ts";
import { eventStreamBody, streamContractOf } from "./event-stream/events.ts";
import type { StreamContract } from "./event-stream/events.ts";
import type { Caller, WireRequest, WireService } from "./exchange.ts";
import { CBOR_FORMAT, EVENT_STREAM_CONTENT_TYPE, formatOf, JSON_FORMAT, mediaTypeOf } from "./formats.ts";
import type { Format } from "./formats.ts";
import { isListed } from "./handlers.ts";
import type { AnswerForm, Handlers } from "./handlers.ts";
import { ConnectionDropped } from "./listener/refusal.ts";
import {
  deprecatedReply,
  emptyBody,
  errorReply,
  internalFailure,
  preflightReply,
  serializationReply,
  silentReply,
  xmlReply,
  xmlUnknownOperationReply,
} from "./protocol-answers.ts";
import type { Reply } from "./protocol-answers.ts";
import { QuickDecoder } from "./put-records/scan.ts";
import { ScannedPut } from "./put-records/scanned-input.ts";
import { dateHeader, idsFrom } from "./request-ids.ts";
import type { Ids } from "./request-ids.ts";
import { SerializationFault } from "./serialization-fault.ts";
import { storedRecordsOf } from "./stored-records/stored-records.ts";

/**
 * Stands around every call of a handler: faults, metrics, audit, authorisation. It calls `next` to go
 * on, at most once, with the input as it came or with another of the same shape, and may refuse with a
 * {@link ServiceError} before or after.
 */
export type Intercept = (
  caller: Caller,
  operation: Operation,
  input: unknown,
  next: (input?: unknown) => Promise<unknown>,
) => Promise<unknown>;

export interface ServiceOptions<S extends Service> {
  readonly contract: S;
  readonly handlers: Handlers<S>;
  readonly callers: Callers;
  /** Machine time, for the `Date` header and the log. */
  readonly clock: Clock;
  /** Where request ids come from. */
  readonly random: Random;
  readonly log: Logger;
  readonly intercept?: Intercept;
  /**
   * Told of every error that is no answer, after it was logged. The client gets
   * `InternalFailureException` all the same; whether the process may go on is for the server to say.
   */
  readonly onBug?: (error: unknown, requestId: string) => void;
}

/** What is known about an operation before any request for it. */
interface Entry {
  readonly operation: Operation;
  readonly handle: (caller: Caller, input: unknown, form?: AnswerForm) => Promise<unknown>;
  readonly stream: StreamContract | undefined;
  /** Whether the answer has no members, and so no body. */
  readonly silent: boolean;
}

/** A call that has passed the checks of the protocol. */
interface Call {
  readonly entry: Entry;
  readonly format: Format;
  /** The decoded input, or the fault to be told once the caller is known. */
  readonly input: unknown;
  readonly fault: SerializationFault | undefined;
}

/**
 * Makes a service of a contract and the handlers of its operations. It rejects only with a
 * {@link ConnectionDropped} that a handler or `intercept` threw.
 */
export function createService<S extends Service>(options: ServiceOptions<S>): WireService {
  const { clock, log } = options;
  const dispatcher = new Dispatcher(options as unknown as ServiceOptions<Service>);
  const drawIds = idsFrom(options.random);
  return async (request) => {
    const startMs = clock.monotonicMs();
    const ids = drawIds();
    const target = request.headers["x-amz-target"];
    const reply = await dispatcher.reply(request, ids.requestId);
    log.debug("request answered", {
      requestId: ids.requestId,
      target: target?.slice(0, 100),
      status: reply.status,
      errorCode: reply.errorCode,
      durationMs: clock.monotonicMs() - startMs,
      invocationId: request.headers["amz-sdk-invocation-id"]?.slice(0, 100),
    });
    return {
      status: reply.status,
      headers: completeHeaders(reply.headers, request, ids, clock.nowMs()),
      body: reply.body,
      ...(reply.release === undefined ? {} : { release: reply.release }),
    };
  };
}

class Dispatcher {
  readonly #options: ServiceOptions<Service>;
  readonly #entries: ReadonlyMap<string, Entry>;
  /** None with an intercept, which may keep what it was given for longer than the bytes are valid. */
  readonly #quick: QuickDecoder | undefined;

  constructor(options: ServiceOptions<Service>) {
    this.#options = options;
    this.#quick = options.intercept === undefined ? new QuickDecoder() : undefined;
    const { contract, handlers } = options;
    this.#entries = new Map(
      Object.entries(contract.operations).map(([name, operation]) => [
        `${contract.targetPrefix}.${name}`,
        {
          operation,
          handle: handlers[name] as Entry["handle"],
          stream: streamContractOf(operation),
          silent: Object.keys(operation.output.members).length === 0,
        },
      ]),
    );
  }

  async reply(request: WireRequest, requestId: string): Promise<Reply> {
    // A fault in the checks themselves is told in JSON, as there may be no format yet.
    let format: Format = JSON_FORMAT;
    try {
      // Whatever need not be waited for is not: a turn of the microtask queue costs as much as several of the checks.
      const admitted = this.#admit(request, requestId);
      const call = admitted instanceof Promise ? await admitted : admitted;
      if ("status" in call) return call;
      format = call.format;
      return await this.#call(call, request, requestId);
    } catch (error) {
      if (error instanceof ConnectionDropped) throw error;
      return errorReply(format, this.#bug(error, requestId));
    }
  }

  /** Checks 1 to 5: the call that a request makes, or the answer to one that makes none. */
  #admit(request: WireRequest, requestId: string): Call | Reply | Promise<Reply> {
    const { headers, method, scanned } = request;
    // Input may lie in the body, whose bytes are not valid for as long as an intercept may keep what it was given.
    const body = this.#quick === undefined ? Buffer.from(request.body) : request.body;
    if (method === "OPTIONS" && headers["origin"]) return preflightReply(headers);

    const contentType = mediaTypeOf(headers["content-type"]);
    const format = formatOf(contentType);
    const target = headers["x-amz-target"] ?? "";
    const entry = this.#entries.get(target);
    if (method !== "POST") return this.#xmlReply(request, requestId, "");
    if (body.length === 0 && scanned === undefined) {
      const code = entry === undefined ? "UnknownOperationException" : "SerializationException";
      return silentReply(format === JSON_FORMAT ? JSON_FORMAT : CBOR_FORMAT, code);
    }
    if (contentType === "application/json") return deprecatedReply(deprecatedCode(body));
    if (format === undefined) return this.#xmlReply(request, requestId, target);

    try {
      if (entry !== undefined) {
        const quick = scanned ?? this.#quick?.decode(entry.operation, format.name, body);
        if (quick !== undefined) return { entry, format, input: quick, fault: undefined };
        const input: unknown = format.decode(body, entry.operation.input);
        return { entry, format, input, fault: undefined };
      }
      format.check(body);
      return silentReply(format, "UnknownOperationException");
    } catch (error) {
      if (!(error instanceof SerializationFault)) throw error;
      if (error.malformed || entry === undefined) return serializationReply(format, error);
      return { entry, format, input: undefined, fault: error };
    }
  }

  /** Checks 6 to 8, and the handler. */
  async #call(call: Call, request: WireRequest, requestId: string): Promise<Reply> {
    const { entry, format, input, fault } = call;
    const { operation } = entry;
    try {
      const found = this.#options.callers(request, input, requestId);
      const caller = found instanceof Promise ? await found : found;
      if (fault !== undefined) return serializationReply(format, fault);
      if (!(input instanceof ScannedPut)) refuseViolations(operation, input as object);
      const { intercept } = this.#options;
      const output =
        intercept === undefined
          ? await entry.handle(caller, input, format)
          : await intercept(caller, operation, input, (changed = input) => entry.handle(caller, changed));
      return this.#answer(entry, format, output, requestId);
    } catch (error) {
      return errorReply(format, this.#refusalOf(error, operation, requestId));
    } finally {
      ScannedPut.release(input);
    }
  }

  #answer(entry: Entry, format: Format, output: unknown, requestId: string): Reply {
    const { operation, stream } = entry;
    if (stream !== undefined) {
      return {
        status: 200,
        headers: { "Content-Type": EVENT_STREAM_CONTENT_TYPE },
        body: eventStreamBody(stream, output as Record<string, unknown>, (error) =>
          this.#refusalOf(error, operation, requestId),
        ),
      };
    }
    const records = storedRecordsOf(output as object);
    return {
      status: 200,
      headers: { "Content-Type": format.contentType },
      ...(records === undefined ? {} : { release: () => records.release() }),
      body: entry.silent ? emptyBody() : format.encode(output as object, operation.output),
    };
  }

  /**
   * What the client is told of an error: a refusal as it is, anything else as a failure of ours.
   *
   * @throws {ConnectionDropped} the error itself, when the client is to be told nothing.
   */
  #refusalOf(error: unknown, operation: Operation, requestId: string): ServiceError {
    if (error instanceof ConnectionDropped) throw error;
    if (!(error instanceof ServiceError)) return this.#bug(error, requestId);
    if (!isListed(operation, error.code) && !protocolCodes.has(error.code)) {
      this.#options.log.warn("an operation answered an error that its contract does not list", {
        requestId,
        operation: operation.name,
        errorCode: error.code,
      });
    }
    return error;
  }

  #bug(error: unknown, requestId: string): ServiceError {
    this.#options.log.error("a request failed for a reason that is no answer", {
      requestId,
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
    this.#options.onBug?.(error, requestId);
    return internalFailure();
  }

  /** The answer to a request in no known protocol, which still must be signed properly if at all. */
  async #xmlReply(request: WireRequest, requestId: string, target: string): Promise<Reply> {
    try {
      await this.#options.callers(request, undefined, requestId);
    } catch (error) {
      if (error instanceof ServiceError) return xmlReply(error.code, error.message);
      throw error;
    }
    return /^[^.]+\.[^.]/.test(target)
      ? xmlUnknownOperationReply()
      : xmlReply("AccessDeniedException", "Unable to determine service/operation name to be authorized");
  }
}

export function refuseViolations(operation: Operation, input: object): void {
  const broken = violations(operation.input, input);
  if (broken.length > 0) throw new ServiceError("ValidationException", validationMessage(broken));
}

/** Codes of the checks before the handler, which no contract lists. */
export const protocolCodes: ReadonlySet<string> = new Set([
  "IncompleteSignatureException",
  "InvalidSignatureException",
  "MissingAuthenticationTokenException",
  "UnrecognizedClientException",
]);

function deprecatedCode(body: Uint8Array): "SerializationException" | "UnknownOperationException" {
  try {
    JSON_FORMAT.check(body);
    return "UnknownOperationException";
  } catch (error) {
    if (!(error instanceof SerializationFault)) throw error;
    return "SerializationException";
  }
}

/** The headers that every answer has, and those of this one, which come last and win. */
function completeHeaders(
  own: Readonly<Record<string, string>>,
  request: WireRequest,
  ids: Ids,
  nowMs: number,
): Record<string, string> {
  const origin = request.headers["origin"];
  const preflight = request.method === "OPTIONS" && Boolean(origin);
  const headers: Record<string, string> = { "x-amzn-RequestId": ids.requestId };
  if (!preflight) headers["x-amz-id-2"] = ids.extendedId;
  headers["Date"] = dateHeader(nowMs);
  if (origin) {
    headers["Access-Control-Allow-Origin"] = "*";
    if (!preflight) headers["Access-Control-Expose-Headers"] = exposedHeaders;
  }
  for (const name of Object.keys(own)) headers[name] = own[name]!;
  return headers;
}

const exposedHeaders =
  "x-amzn-RequestId,x-amzn-ErrorType,x-amz-request-id,x-amz-id-2,x-amzn-ErrorMessage,Date";
