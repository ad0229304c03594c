/**
 * Between the values of an event stream's union and its messages.
 *
 * | message | `:message-type` | further headers | payload |
 * | --- | --- | --- | --- |
 * | first | `event` | `:event-type` = `initial-response`, `:content-type` | the other members of the output |
 * | event | `event` | `:event-type` = the union's member, `:content-type` | that member |
 * | refusal | `exception` | `:exception-type` = the code, `:content-type` | `{"message":…}` |
 * | failure | `error` | `:error-code`, `:error-message` | nothing; read, never sent |
 *
 * Payloads are JSON, also when the request was CBOR. The first message goes out at once: clients wait
 * for it before they give the stream to anybody.
 */
import { ServiceError, structure } from "@millrace/api";
import type { Decoded, Members, Operation, Shape, StructureShape, UnionShape } from "@millrace/api";
import { ErrorBody, JSON_FORMAT } from "../formats.ts";
import { internalFailure } from "../protocol-answers.ts";
import { SerializationFault } from "../serialization-fault.ts";
import { EventMessageReader, encodeMessage, EventStreamFault } from "./message.ts";
import type { EventMessage } from "./message.ts";

/** The parts of an operation that answers with an event stream. */
export interface StreamContract {
  readonly memberName: string;
  readonly union: UnionShape;
  /** The output without the stream: what the first message carries. */
  readonly initial: StructureShape;
}

/** The parts of `operation`'s stream; undefined when it answers with a body. */
export function streamContractOf(operation: Operation): StreamContract | undefined {
  const memberName = operation.eventStream;
  if (memberName === undefined) return undefined;
  const members = operation.output.members as Members;
  const union = members[memberName]?.shape;
  if (union?.kind !== "union") {
    throw new TypeError(`${operation.name} names ${memberName}, which is no event stream`);
  }
  const others = Object.entries(members).filter(([name]) => name !== memberName);
  return { memberName, union, initial: structure(Object.fromEntries(others)) };
}

/**
 * The body of an answer with an event stream: one message per piece. It ends after the last event,
 * after a refusal, or when `return()` is called, which reaches the handler's stream at once.
 *
 * @param refusalOf turns what the handler's stream throws into what the client is told, or throws it on.
 */
export function eventStreamBody(
  contract: StreamContract,
  output: Readonly<Record<string, unknown>>,
  refusalOf: (error: unknown) => ServiceError,
): AsyncIterable<Uint8Array> {
  const events = (output[contract.memberName] as AsyncIterable<unknown>)[Symbol.asyncIterator]();
  let state: "initial" | "events" | "ended" = "initial";

  const end = async (): Promise<void> => {
    state = "ended";
    try {
      await events.return?.();
    } catch (error) {
      refusalOf(error);
    }
  };

  const iterator: AsyncIterator<Uint8Array> = {
    async next() {
      if (state === "ended") return { done: true, value: undefined };
      if (state === "initial") {
        state = "events";
        return { done: false, value: initialMessage(contract, output) };
      }
      try {
        const event = await events.next();
        if (event.done !== true) return { done: false, value: eventMessage(contract.union, event.value) };
        state = "ended";
        return { done: true, value: undefined };
      } catch (error) {
        await end();
        return { done: false, value: exceptionMessage(refusalOf(error)) };
      }
    },
    async return() {
      if (state !== "ended") await end();
      return { done: true, value: undefined };
    },
  };
  return { [Symbol.asyncIterator]: () => iterator };
}

function initialMessage(contract: StreamContract, output: Readonly<Record<string, unknown>>): Uint8Array {
  return jsonEvent("initial-response", contract.initial, output);
}

function eventMessage(union: UnionShape, value: unknown): Uint8Array {
  const members = union.members as Members;
  for (const [name, memberValue] of Object.entries(value as Record<string, unknown>)) {
    const member = members[name];
    if (member === undefined || memberValue === undefined) continue;
    // A refusal that was yielded is thrown instead, so that it ends the stream in one place.
    if (isRefusal(member.shape)) {
      throw new ServiceError(name, (memberValue as { message?: string }).message ?? "");
    }
    return jsonEvent(name, member.shape, memberValue);
  }
  throw new TypeError("an event has no member of its stream's union");
}

function jsonEvent(eventType: string, shape: Shape, value: unknown): Uint8Array {
  return encodeMessage(
    {
      ":message-type": "event",
      ":event-type": eventType,
      ":content-type": JSON_FORMAT.contentType,
    },
    JSON_FORMAT.encode(value as Decoded<Shape>, shape),
  );
}

function exceptionMessage(error: ServiceError): Uint8Array {
  return encodeMessage(
    {
      ":message-type": "exception",
      ":exception-type": error.code,
      ":content-type": JSON_FORMAT.contentType,
    },
    JSON_FORMAT.encode({ message: error.message }, ErrorBody),
  );
}

/** The errors of a union are the members that carry nothing but a message. */
function isRefusal(shape: Shape): boolean {
  if (shape.kind !== "structure") return false;
  const names = Object.keys(shape.members as Members);
  return names.length === 1 && names[0] === "message";
}

/**
 * Reads an answer with an event stream. Resolves when its first message is there, to the output with
 * the stream as an iterable that can be read once; ending that early ends `source`.
 *
 * Reading throws a {@link ServiceError} for a refusal, {@link EventStreamFault} for bytes that are no
 * event stream, and whatever `source` throws.
 */
export async function readEventStream(
  contract: StreamContract,
  source: AsyncIterable<Uint8Array>,
): Promise<Record<string, unknown>> {
  const pieces = source[Symbol.asyncIterator]();
  const messages = messagesOf(pieces);
  const first = await messages.next();
  let waiting: EventMessage | undefined;
  let output: Record<string, unknown> = {};
  if (first.done !== true) {
    if (textHeader(first.value, ":event-type") === "initial-response") {
      output = { ...payloadOf(first.value, contract.initial) };
    } else {
      waiting = first.value;
    }
  }
  output[contract.memberName] = endingWith(eventsOf(contract.union, messages, waiting), () =>
    pieces.return?.(),
  );
  return output;
}

/**
 * A generator that is ended before its first `next()`, or while one is waiting, does not run its `finally`
 * (in time): the source is ended by itself.
 */
function endingWith<T>(generator: AsyncGenerator<T, void>, end: () => unknown): AsyncIterableIterator<T> {
  return {
    next: () => generator.next(),
    async return() {
      await end();
      await generator.return();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

async function* messagesOf(pieces: AsyncIterator<Uint8Array>): AsyncGenerator<EventMessage, void> {
  const reader = new EventMessageReader();
  try {
    for (let piece = await pieces.next(); piece.done !== true; piece = await pieces.next()) {
      yield* reader.push(piece.value);
    }
    reader.finish();
  } finally {
    await pieces.return?.();
  }
}

async function* eventsOf(
  union: UnionShape,
  messages: AsyncGenerator<EventMessage, void>,
  waiting: EventMessage | undefined,
): AsyncGenerator<Record<string, unknown>, void> {
  try {
    if (waiting !== undefined) {
      const event = eventOf(union, waiting);
      if (event !== undefined) yield event;
    }
    for await (const message of messages) {
      const event = eventOf(union, message);
      if (event !== undefined) yield event;
    }
  } finally {
    await messages.return();
  }
}

/** The union value of a message; undefined for an event that the contract does not know yet. */
function eventOf(union: UnionShape, message: EventMessage): Record<string, unknown> | undefined {
  switch (textHeader(message, ":message-type")) {
    case "event": {
      const name = textHeader(message, ":event-type") ?? "";
      const members = union.members as Members;
      const shape = Object.hasOwn(members, name) ? members[name]?.shape : undefined;
      return shape === undefined ? undefined : { [name]: payloadOf(message, shape) };
    }
    case "exception": {
      const body = payloadOf(message, ErrorBody) as Decoded<typeof ErrorBody>;
      const code = textHeader(message, ":exception-type") ?? "UnknownError";
      throw refusal(code, body.message ?? body.Message ?? "");
    }
    case "error":
      throw refusal(
        textHeader(message, ":error-code") ?? "UnknownError",
        textHeader(message, ":error-message") ?? "",
      );
    default:
      throw new EventStreamFault("an event message has no known type");
  }
}

function refusal(code: string, message: string): ServiceError {
  return new ServiceError(code, message, { status: code === internalFailure().code ? 500 : 400 });
}

function payloadOf(message: EventMessage, shape: Shape): Record<string, unknown> {
  if (message.payload.length === 0) return {};
  try {
    return JSON_FORMAT.decode(message.payload, shape) as Record<string, unknown>;
  } catch (error) {
    if (!(error instanceof SerializationFault)) throw error;
    throw new EventStreamFault("the payload of an event message does not fit its type", {
      cause: error,
    });
  }
}

function textHeader(message: EventMessage, name: string): string | undefined {
  const header = message.headers[name];
  return header?.type === "string" ? header.value : undefined;
}
