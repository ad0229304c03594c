/** One request from its head to the last byte of its answer, the same for both versions of HTTP. */
import { POOLED_BYTES_MIN } from "@millrace/runtime";
import { isCursor } from "../cursor.ts";
import type { Cursor } from "../cursor.ts";
import type { WireRequest, WireResponse } from "../exchange.ts";
import type { ListenerHost } from "./host.ts";
import { ANSWER_SLICE_BYTES } from "./limits.ts";
import { ConnectionDropped, Refusal, refusalResponse, refusals } from "./refusal.ts";
import { ClientGone, decodeBody, readBody } from "./request-body.ts";
import type { BodySource, ReceivedBody } from "./request-body.ts";
import { Reservation } from "./reservation.ts";
import { FREE_TURN } from "./turns.ts";
import type { Turn } from "./turns.ts";

/** A request whose head has arrived. */
export interface Inbound {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly remoteAddress: string;
  readonly viaTls: boolean;
  readonly httpVersion: "1.1" | "2";
  /** The whole body, if it came together with the head. */
  readonly received: ReceivedBody | undefined;
  /** Asked for once at most, and not when {@link received} is used. */
  readonly body: BodySource;
  /** Set when the head alone is reason enough to turn the request away. */
  readonly refusal: Refusal | undefined;
}

/** Where the answer goes. Calls after the client has gone do nothing. */
export interface Outbound {
  /** Calls back, once, when the client leaves before the answer is complete. */
  onGone(callback: () => void): void;
  readonly gone: boolean;
  /** True when nobody wants the body: an answer to HEAD. */
  readonly headOnly: boolean;
  /** Whether nothing looks at the bytes of an answer any more when {@link send}, or {@link end}, has resolved and nobody is gone. */
  readonly isDoneWhenSent: boolean;
  /**
   * Head and body in one go. Resolves when the transport has taken all of it, or the client has gone; undefined when that is so
   * already.
   */
  send(head: AnswerHead, body: readonly Uint8Array[]): Promise<void> | undefined;
  /** Sends the head now; pieces follow. */
  begin(head: AnswerHead): void;
  /**
   * Resolves when the operating system has taken the pieces, which is past the buffers of the stream and of the
   * session, or the client has gone.
   */
  write(pieces: readonly Uint8Array[]): Promise<void>;
  /** Asks for the turn to make a piece and write it, where streams share a connection. */
  turn(): Turn;
  /** Ends an answer that was begun. */
  end(): Promise<void>;
  /** Breaks the exchange off in a way that the client can tell from an end. */
  cut(): void;
}

export interface AnswerHead {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Undefined when the length is not known yet. */
  readonly bodyBytes: number | undefined;
  readonly close: boolean;
  /** The request's body was not read to its end. */
  readonly unreadBody: boolean;
}

export async function serve(host: ListenerHost, inbound: Inbound, outbound: Outbound): Promise<void> {
  const { counters } = host;
  counters.requestsInFlight += 1;
  counters.requestsTotal += 1;
  const held = new Reservation(host.memory, host.clock);
  const abort = new LazyAbort();
  outbound.onGone(() => abort.abort());
  try {
    await answer(host, inbound, outbound, held, abort);
    if (outbound.gone) counters.abandonedTotal += 1;
  } catch (error) {
    outbound.cut();
    if (error instanceof ClientGone) counters.abandonedTotal += 1;
    else if (!(error instanceof ConnectionDropped)) {
      host.log.error("an answer was cut off", { path: inbound.path, cause: String(error) });
    }
  } finally {
    counters.requestsInFlight -= 1;
    held.release();
    if (counters.requestsInFlight === 0) host.onIdle();
  }
}

/** Awaits only what takes its time, because every `await` of a small request shows in how many of them there can be. */
async function answer(
  host: ListenerHost,
  inbound: Inbound,
  outbound: Outbound,
  held: Reservation,
  abort: LazyAbort,
): Promise<void> {
  let response: WireResponse;
  let sent: Promise<void> | undefined;
  try {
    if (inbound.refusal !== undefined) throw inbound.refusal;
    const read = receivedWithin(host, inbound, held) ?? (await readBody(host, inbound.body, held));
    const received = read.bytes;
    const encoding = inbound.headers["content-encoding"];
    const body = encoding === undefined ? received : await decodeBody(host, encoding, received, held);
    host.counters.receivedBodyBytesTotal += received.length;
    if (body.length >= POOLED_BYTES_MIN) {
      const turn = host.loopShare.take(body.length);
      if (turn !== undefined) await turn;
    }
    if (outbound.gone) throw new ClientGone();
    try {
      response = await host.service(new ServedRequest(inbound, body, abort));
    } catch (error) {
      throw failureOf(host, inbound, outbound, error);
    }
    read.giveBackAfter(response);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const refused = host.counters.refusedTotal;
    refused.set(error.status, (refused.get(error.status) ?? 0) + 1);
    held.release();
    const refusal = refusalResponse(error);
    host.log.debug("a request was refused", {
      requestId: refusal.headers["x-amzn-requestid"],
      status: error.status,
      reason: error.message,
      peer: inbound.remoteAddress,
    });
    sent = sendWhole(host, outbound, refusal, error.status !== 500);
    if (sent !== undefined) await sent;
    return;
  }
  // The service is done with the request's bytes; what it answers is accounted on its own.
  held.release();
  const { body } = response;
  if (body instanceof Uint8Array || Array.isArray(body)) {
    sent = sendWhole(host, outbound, response, false);
    if (sent !== undefined) await sent;
    if (outbound.isDoneWhenSent && !outbound.gone) response.release?.();
  } else {
    await sendStream(host, outbound, response, body as AsyncIterable<Uint8Array>, abort);
  }
}

/** A body that came together with the head, if it is within the limits and there is memory for it now. */
function receivedWithin(
  host: ListenerHost,
  { received }: Inbound,
  held: Reservation,
): ReceivedBody | undefined {
  if (received === undefined || received.bytes.length > host.limits.bodyBytesMax) return undefined;
  return held.tryGrowTo(received.heldBytes) ? received : undefined;
}

class ServedRequest implements WireRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly viaTls: boolean;
  readonly httpVersion: "1.1" | "2";
  readonly #inbound: Inbound;
  readonly #abort: LazyAbort;

  constructor(inbound: Inbound, body: Uint8Array, abort: LazyAbort) {
    this.method = inbound.method;
    this.path = inbound.path;
    this.headers = inbound.headers;
    this.body = body;
    this.viaTls = inbound.viaTls;
    this.httpVersion = inbound.httpVersion;
    this.#inbound = inbound;
    this.#abort = abort;
  }

  get remoteAddress(): string {
    return this.#inbound.remoteAddress;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }
}

/** What becomes of a request whose service has failed. */
function failureOf(host: ListenerHost, inbound: Inbound, outbound: Outbound, error: unknown): unknown {
  if (error instanceof ConnectionDropped) return error;
  if (outbound.gone) return new ClientGone();
  host.log.error("a request failed", { path: inbound.path, cause: describeError(error) });
  return refusals.internal();
}

/** Undefined when the transport has taken all of it at once. */
function sendWhole(
  host: ListenerHost,
  outbound: Outbound,
  response: WireResponse,
  unreadBody: boolean,
): Promise<void> | undefined {
  const pieces =
    response.body instanceof Uint8Array ? [response.body] : (response.body as readonly Uint8Array[]);
  let bodyBytes = 0;
  for (const piece of pieces) bodyBytes += piece.length;
  const { status, headers } = response;
  const head = { status, headers, bodyBytes, close: response.close === true || host.draining, unreadBody };
  host.counters.sentBodyBytesTotal += bodyBytes;
  if (bodyBytes > ANSWER_SLICE_BYTES) return sendSlices(host, outbound, head, pieces, bodyBytes);
  const sent = outbound.send(head, pieces);
  return sent === undefined ? undefined : untilSent(host, outbound, bodyBytes, sent);
}

async function untilSent(
  host: ListenerHost,
  outbound: Outbound,
  bodyBytes: number,
  sent: Promise<void>,
): Promise<void> {
  const held = holdAnswer(host, bodyBytes);
  const progress = host.deadlines.start(host.limits.answerProgressTimeoutMs, () => outbound.cut());
  try {
    await sent;
  } finally {
    progress.clear();
    held.release();
  }
}

async function sendSlices(
  host: ListenerHost,
  outbound: Outbound,
  head: AnswerHead,
  pieces: readonly Uint8Array[],
  bodyBytes: number,
): Promise<void> {
  const { limits, deadlines } = host;
  const held = holdAnswer(host, bodyBytes);
  const progress = deadlines.start(limits.answerProgressTimeoutMs, () => outbound.cut());
  try {
    outbound.begin(head);
    if (!outbound.headOnly) {
      for (const slice of slicesOf(pieces)) {
        if (outbound.gone) break;
        await outbound.write(slice);
        progress.restart(limits.answerProgressTimeoutMs);
      }
    }
    await outbound.end();
  } finally {
    progress.clear();
    held.release();
  }
}

/** An answer exists already, so it is sent even when the budget is spent; what fits is accounted. */
function holdAnswer(host: ListenerHost, bodyBytes: number): Reservation {
  const held = new Reservation(host.memory, host.clock);
  if (bodyBytes > 0) held.tryGrowTo(bodyBytes);
  return held;
}

/** The same bytes in runs of pieces that are of a bounded size together. */
function* slicesOf(pieces: readonly Uint8Array[]): IterableIterator<Uint8Array[]> {
  let slice: Uint8Array[] = [];
  let room = ANSWER_SLICE_BYTES;
  for (const piece of pieces) {
    for (let at = 0; at < piece.length;) {
      const part = piece.subarray(at, at + room);
      slice.push(part);
      at += part.length;
      room -= part.length;
      if (room > 0) continue;
      yield slice;
      slice = [];
      room = ANSWER_SLICE_BYTES;
    }
  }
  if (slice.length > 0) yield slice;
}

/**
 * Sends a body that is made while it is read. The next piece is asked for only when the operating system has taken
 * the last one, so each stream holds one piece at most. A cursor's is made only in its turn on the connection.
 */
async function sendStream(
  host: ListenerHost,
  outbound: Outbound,
  response: WireResponse,
  body: AsyncIterable<Uint8Array>,
  abort: LazyAbort,
): Promise<void> {
  const { limits, deadlines } = host;
  const { status, headers } = response;
  const source = sourceOf(body, outbound);
  let stopped = false;
  let wake: () => void = () => {};
  const stop = () => {
    stopped = true;
    wake();
  };
  // Not `Promise.race` with one long-lived promise: that would keep a reaction for every piece ever sent.
  const orStop = <T>(pending: Promise<T>) =>
    new Promise<T | undefined>((resolve, reject) => {
      wake = () => resolve(undefined);
      pending.then(resolve, reject);
    });
  outbound.onGone(stop);
  host.openStreams.add(stop);
  if (host.draining) stop();
  outbound.begin({
    status,
    headers,
    bodyBytes: undefined,
    close: response.close === true,
    unreadBody: false,
  });
  let finished = false;
  try {
    while (!stopped && !outbound.headOnly) {
      await orStop(source.ready());
      if (stopped) break;
      // A client that reads nothing on any stream holds up the turn, too.
      const stall = deadlines.start(limits.streamStallTimeoutMs, () => outbound.cut());
      const held = new Reservation(host.memory, host.clock);
      const turn = source.turn();
      try {
        await orStop(turn.come);
        if (stopped) break;
        const next = await orStop(source.take());
        if (next === undefined) continue;
        if (next.done === true) {
          finished = true;
          break;
        }
        const piece = next.value;
        held.tryGrowTo(piece.length);
        const written = outbound.write([piece]);
        turn.end(written);
        await written;
        host.counters.sentBodyBytesTotal += piece.length;
      } finally {
        turn.end();
        stall.clear();
        held.release();
      }
    }
    await outbound.end();
  } finally {
    host.openStreams.delete(stop);
    if (!finished) {
      // The source may be waiting for its next event: the signal wakes it, `return` lets it clean up.
      abort.abort();
      source.return().catch((error: unknown) => {
        host.log.error("a stream failed while it was closed", { cause: describeError(error) });
      });
    }
  }
}

/** The pieces of a body, and the turns that they are made in. */
interface Source extends Pick<Cursor<Uint8Array>, "ready" | "take"> {
  turn(): Turn;
  return(): Promise<unknown>;
}

function sourceOf(body: AsyncIterable<Uint8Array>, outbound: Outbound): Source {
  const iterator = body[Symbol.asyncIterator]();
  const end = () => iterator.return?.() ?? Promise.resolve();
  if (isCursor(iterator)) {
    return {
      ready: () => iterator.ready(),
      take: () => iterator.take(),
      turn: () => outbound.turn(),
      return: end,
    };
  }
  // Its wait for a piece ends with the piece, and a turn must not be held through a wait.
  let piece: IteratorResult<Uint8Array, undefined> | undefined;
  return {
    ready: async () => void (piece = await iterator.next()),
    take: () => Promise.resolve(piece),
    turn: () => FREE_TURN,
    return: end,
  };
}

/** An abort signal that costs nothing until somebody asks for it. */
class LazyAbort {
  #controller: AbortController | undefined;
  #aborted = false;

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted) this.#controller.abort();
    }
    return this.#controller.signal;
  }

  abort(): void {
    this.#aborted = true;
    this.#controller?.abort();
  }
}

function describeError(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
