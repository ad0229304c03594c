/**
 * A service in the protocols that it speaks: from request bytes to a handler and back. Requests are checked in the
 * order that Kinesis has (see `dispatch.ts`): the operation, the document, who asks, types, constraints, handler.
 */
import { ServiceError } from "@millrace/api";
import type { Operation, Service } from "@millrace/api";
import { INTERNAL_FAILURE_MESSAGE } from "../protocol-answers.ts";
import type { Reply } from "../protocol-answers.ts";
import { protocolCodes, refuseViolations } from "../dispatch.ts";
import type { ServiceOptions } from "../dispatch.ts";
import type { Caller, WireRequest, WireService } from "../exchange.ts";
import { isListed } from "../handlers.ts";
import { ConnectionDropped } from "../listener/refusal.ts";
import { dateHeader, idsFrom } from "../request-ids.ts";
import { SerializationFault } from "../serialization-fault.ts";
import { jsonProtocol } from "./json-protocol.ts";
import type { Protocol } from "./protocol.ts";
import { queryProtocol } from "./query-protocol.ts";
import { rpcCborProtocol } from "./rpc-cbor-protocol.ts";

export type ProtocolName = "json" | "query" | "rpc-v2-cbor";

const makers: Readonly<Record<ProtocolName, (contract: Service) => Protocol>> = {
  json: jsonProtocol,
  query: queryProtocol,
  "rpc-v2-cbor": rpcCborProtocol,
};

export interface ProtocolServiceOptions<S extends Service> extends ServiceOptions<S> {
  /** The first is the one in which a request that speaks none of them is refused. */
  readonly protocols: readonly [ProtocolName, ...ProtocolName[]];
  /** What the service calls a failure of ours. */
  readonly failureCode: string;
  /** Told of every answer: the operation's name as it was asked for, and the code of a refusal. */
  readonly onAnswered?: (operation: string, errorCode: string | undefined, latencyMs: number) => void;
  /** What is said of an operation that the contract does not have. */
  readonly unknownOperation: (name: string) => string;
}

/**
 * Makes a service that speaks one or several protocols. It rejects only with a {@link ConnectionDropped} that a
 * handler or `intercept` threw.
 */
export function createProtocolService<S extends Service>(options: ProtocolServiceOptions<S>): WireService {
  const { clock, log } = options;
  const dispatcher = new Dispatcher(options as unknown as ProtocolServiceOptions<Service>);
  const drawIds = idsFrom(options.random);
  return async (request) => {
    const startMs = clock.monotonicMs();
    const { requestId } = drawIds();
    const { operation, reply } = await dispatcher.reply(request, requestId);
    const durationMs = clock.monotonicMs() - startMs;
    options.onAnswered?.(operation, reply.errorCode, durationMs);
    log.debug("request answered", {
      requestId,
      target: `${options.contract.name}:${operation.slice(0, 100)}`,
      status: reply.status,
      errorCode: reply.errorCode,
      durationMs,
    });
    return {
      status: reply.status,
      headers: { "x-amzn-RequestId": requestId, Date: dateHeader(clock.nowMs()), ...reply.headers },
      body: reply.body,
    };
  };
}

type AnyHandler = (caller: Caller, input: unknown) => Promise<object>;

class Dispatcher {
  readonly #options: ProtocolServiceOptions<Service>;
  readonly #protocols: readonly Protocol[];

  constructor(options: ProtocolServiceOptions<Service>) {
    this.#options = options;
    this.#protocols = options.protocols.map((name) => makers[name](options.contract));
  }

  async reply(request: WireRequest, requestId: string): Promise<{ operation: string; reply: Reply }> {
    let protocol = this.#protocols[0]!;
    let name = "";
    for (const spoken of this.#protocols) {
      const named = spoken.operationNamed(request);
      if (named === undefined) continue;
      protocol = spoken;
      name = named;
      break;
    }
    try {
      return { operation: name, reply: await this.#call(protocol, name, request, requestId) };
    } catch (error) {
      const refusal = this.#refusalOf(error, name, requestId);
      return { operation: name, reply: protocol.refusal(refusal, request, requestId) };
    }
  }

  async #call(protocol: Protocol, name: string, request: WireRequest, requestId: string): Promise<Reply> {
    const { contract, callers, handlers, intercept, unknownOperation } = this.#options;
    const operation = Object.hasOwn(contract.operations, name) ? contract.operations[name] : undefined;
    if (operation === undefined) throw new ServiceError("UnknownOperationException", unknownOperation(name));
    const { input, fault } = decoded(protocol, request, operation);
    const caller = await callers(request, input, requestId);
    if (fault !== undefined) throw new ServiceError("SerializationException", fault.message);
    refuseViolations(operation, input as object);
    const handle = handlers[name] as unknown as AnyHandler;
    const output = await (intercept === undefined
      ? handle(caller, input)
      : intercept(caller, operation, input, (changed = input) => handle(caller, changed)));
    return protocol.answer(operation, output as object, requestId);
  }

  /** @throws {ConnectionDropped} the error itself, when the client is to be told nothing. */
  #refusalOf(error: unknown, name: string, requestId: string): ServiceError {
    const { contract, failureCode, log, onBug } = this.#options;
    if (error instanceof ConnectionDropped) throw error;
    if (!(error instanceof ServiceError)) {
      log.error("a request failed for a reason that is no answer", {
        requestId,
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
      onBug?.(error, requestId);
      return new ServiceError(failureCode, INTERNAL_FAILURE_MESSAGE, { status: 500 });
    }
    const operation = Object.hasOwn(contract.operations, name) ? contract.operations[name] : undefined;
    if (operation !== undefined && !isListed(operation, error.code) && !isOfTheProtocol(error.code)) {
      log.warn("an operation answered an error that its contract does not list", {
        requestId,
        operation: name,
        errorCode: error.code,
      });
    }
    return error;
  }
}

function decoded(
  protocol: Protocol,
  request: WireRequest,
  operation: Operation,
): { input: unknown; fault: SerializationFault | undefined } {
  try {
    return { input: protocol.decode(request, operation), fault: undefined };
  } catch (error) {
    if (!(error instanceof SerializationFault)) throw error;
    return { input: undefined, fault: error };
  }
}

function isOfTheProtocol(code: string): boolean {
  return protocolCodes.has(code) || code === "SerializationException";
}
