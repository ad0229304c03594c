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
import { isCursor, nextOf } from "../cursor.ts";
import type { Cursor } from "../cursor.ts";
import { ErrorBody, JSON_FORMAT } from "../formats.ts";
import { internalFailure } from "../protocol-answers.ts";
import { SerializationFault } from "../serialization-fault.ts";
import { storedRecordsOf } from "../stored-records/stored-records.ts";
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
 * after a refusal, or when `return()` is called, which reaches the handler's stream at once. When the handler's
 * stream is a {@link Cursor}, so is this.
 *
 * @param refusalOf turns what the handler's stream throws into what the client is told, or throws it on.
 */
export function eventStreamBody(
  contract: StreamContract,
  output: Readonly<Record<string, unknown>>,
  refusalOf: (error: unknown) => ServiceError,
): AsyncIterable<Uint8Array> {
  const events = (output[contract.memberName] as AsyncIterable<unknown>)[Symbol.asyncIterator]();
  const messages = new EventMessages(contract, output, events, refusalOf);
  const iterator = isCursor(events) ? new EventMessageCursor(messages, events) : messages;
  return { [Symbol.asyncIterator]: () => iterator };
}

type Message = IteratorResult<Uint8Array, undefined>;

const OVER: Message = { done: true, value: undefined };

class EventMessages implements AsyncIterator<Uint8Array, undefined> {
  readonly #contract: StreamContract;
  readonly #output: Readonly<Record<string, unknown>>;
  readonly #events: AsyncIterator<unknown>;
  readonly #refusalOf: (error: unknown) => ServiceError;
  #state: "initial" | "events" | "ended" = "initial";

  constructor(
    contract: StreamContract,
    output: Readonly<Record<string, unknown>>,
    events: AsyncIterator<unknown>,
    refusalOf: (error: unknown) => ServiceError,
  ) {
    this.#contract = contract;
    this.#output = output;
    this.#events = events;
    this.#refusalOf = refusalOf;
  }

  async next(): Promise<Message> {
    return (await this.message(() => this.#events.next())) ?? OVER;
  }

  async return(): Promise<Message> {
    if (this.#state !== "ended") await this.#end();
    return OVER;
  }

  /** Whether messages come of events now: the first one does not, and after the last one there are none. */
  get isAmongEvents(): boolean {
    return this.#state === "events";
  }

  /** The next message, of the event that `pull` brings; undefined when that brings none. */
  async message(pull: () => Promise<IteratorResult<unknown> | undefined>): Promise<Message | undefined> {
    if (this.#state === "ended") return OVER;
    if (this.#state === "initial") {
      this.#state = "events";
      return { done: false, value: initialMessage(this.#contract, this.#output) };
    }
    try {
      const event = await pull();
      if (event === undefined) return undefined;
      if (event.done !== true) return { done: false, value: eventMessage(this.#contract.union, event.value) };
      this.#state = "ended";
      return OVER;
    } catch (error) {
      await this.#end();
      return { done: false, value: exceptionMessage(this.#refusalOf(error)) };
    }
  }

  async #end(): Promise<void> {
    this.#state = "ended";
    try {
      await this.#events.return?.();
    } catch (error) {
      this.#refusalOf(error);
    }
  }
}

class EventMessageCursor implements Cursor<Uint8Array> {
  readonly #messages: EventMessages;
  readonly #events: Cursor<unknown>;
  /** What went wrong while there was nobody to be told. */
  #failure: { readonly error: unknown } | undefined;

  constructor(messages: EventMessages, events: Cursor<unknown>) {
    this.#messages = messages;
    this.#events = events;
  }

  next(): Promise<Message> {
    return nextOf(this);
  }

  return(): Promise<Message> {
    return this.#messages.return();
  }

  async ready(): Promise<void> {
    if (!this.#messages.isAmongEvents) return;
    try {
      await this.#events.ready();
    } catch (error) {
      this.#failure = { error };
    }
  }

  take(): Promise<Message | undefined> {
    return this.#messages.message(() => {
      if (this.#failure !== undefined) throw this.#failure.error;
      return this.#events.take();
    });
  }
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
    const message = jsonEvent(name, member.shape, memberValue);
    // The message is a copy.
    storedRecordsOf(memberValue as object)?.release();
    return message;
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
