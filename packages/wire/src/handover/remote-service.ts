import type { Port } from "@millrace/runtime";
import { nextOf } from "../cursor.ts";
import type { Cursor } from "../cursor.ts";
import type { WireRequest, WireResponse, WireService } from "../exchange.ts";
import { ConnectionDropped } from "../listener/refusal.ts";
import type { CarriedRequest, ToListener, ToService } from "./messages.ts";
import { RecordFinder } from "./record-finder.ts";

export interface RemoteServiceOptions {
  /**
   * Whether the records of PutRecords are found on this side. Not with an intercept around the handlers, which may
   * keep what it was given for longer than the shared memory is.
   */
  readonly findRecords: boolean;
}

/**
 * The service of another thread, which {@link servePort} serves at the other end of `port`. Decoding the bodies that
 * carry most bytes is done here, so that two threads share the work of one request.
 */
export function remoteService(port: Port, { findRecords }: RemoteServiceOptions): WireService {
  const calls = new Calls(port);
  const finder = findRecords ? new RecordFinder() : undefined;
  return async (request) => {
    const found = finder?.find(request);
    try {
      const number = calls.nextNumber();
      const told = await calls.call({ kind: "request", number, request: carried(request, found?.records) });
      if (told.kind !== "answer") throw unexpected(told);
      const { status, headers, close, body } = told;
      return { status, headers, close, body: bodyOf(calls, number, body) };
    } finally {
      found?.release();
    }
  };
}

/** What is under way to the other thread. */
class Calls {
  readonly #port: Port;
  readonly #pending = new Map<
    number,
    { resolve: (told: ToListener) => void; reject: (error: unknown) => void }
  >();
  #lastNumber = 0;

  constructor(port: Port) {
    this.#port = port;
    port.receive((message) => this.#settle(message as ToListener));
  }

  nextNumber(): number {
    this.#lastNumber += 1;
    return this.#lastNumber;
  }

  call(message: Exclude<ToService, { kind: "leave" }>): Promise<ToListener> {
    return new Promise((resolve, reject) => {
      this.#pending.set(message.number, { resolve, reject });
      this.#port.post(message);
    });
  }

  leave(about: number): void {
    const message: ToService = { kind: "leave", about };
    this.#port.post(message);
  }

  #settle(told: ToListener): void {
    const call = this.#pending.get(told.number);
    if (call === undefined)
      throw new Error(`an answer came to number ${told.number}, which is not under way`);
    this.#pending.delete(told.number);
    if (told.kind === "dropped") call.reject(new ConnectionDropped());
    else if (told.kind === "failed") call.reject(new Error(told.reason));
    else call.resolve(told);
  }
}

function bodyOf(
  calls: Calls,
  about: number,
  body: Extract<ToListener, { kind: "answer" }>["body"],
): WireResponse["body"] {
  if (body instanceof Uint8Array) return body;
  const iterator = body === "cursor" ? new RemoteCursor(calls, about) : new RemotePieces(calls, about);
  return { [Symbol.asyncIterator]: () => iterator };
}

type Piece = IteratorResult<Uint8Array, undefined>;

const OVER: Piece = { done: true, value: undefined };

/** The pieces of a streamed answer, made in the other thread when they are asked for here. */
class RemotePieces implements AsyncIterator<Uint8Array, undefined> {
  readonly #calls: Calls;
  readonly #about: number;
  #isOver = false;

  constructor(calls: Calls, about: number) {
    this.#calls = calls;
    this.#about = about;
  }

  async next(): Promise<Piece> {
    return (await this.ask("next")) ?? OVER;
  }

  return(): Promise<Piece> {
    if (!this.#isOver) this.#calls.leave(this.#about);
    this.#isOver = true;
    return Promise.resolve(OVER);
  }

  /** Undefined when there is nothing. */
  protected async ask(what: "ready" | "take" | "next"): Promise<Piece | undefined> {
    if (this.#isOver) return OVER;
    const number = this.#calls.nextNumber();
    try {
      const told = await this.#calls.call({ kind: "ask", number, about: this.#about, what });
      if (told.kind === "nothing") return undefined;
      if (told.kind === "piece") return { done: false, value: told.piece };
      if (told.kind !== "end") throw unexpected(told);
      this.#isOver = true;
      return OVER;
    } catch (error) {
      this.#isOver = true;
      throw error;
    }
  }
}

class RemoteCursor extends RemotePieces implements Cursor<Uint8Array> {
  async ready(): Promise<void> {
    await this.ask("ready");
  }

  take(): Promise<Piece | undefined> {
    return this.ask("take");
  }

  override next(): Promise<Piece> {
    return nextOf(this);
  }
}

function carried(request: WireRequest, records: CarriedRequest["records"]): CarriedRequest {
  const { method, path, headers, remoteAddress, viaTls, httpVersion } = request;
  const body = records === undefined ? ownBytes(request.body) : NO_BYTES;
  const head = { method, path, headers, remoteAddress, viaTls, httpVersion, body };
  return records === undefined ? head : { ...head, records };
}

const NO_BYTES = new Uint8Array(0);

/**
 * A view is copied to another thread with all of the memory that it is of; and not at all when that is shared, which
 * decoders of texts do not take.
 */
function ownBytes(bytes: Uint8Array): Uint8Array {
  const isOwn = bytes.buffer instanceof ArrayBuffer && bytes.byteLength === bytes.buffer.byteLength;
  return isOwn ? bytes : new Uint8Array(bytes);
}

function unexpected(told: ToListener): Error {
  return new Error(`"${told.kind}" is no answer to what number ${told.number} asked`);
}
