import { createGunzip } from "node:zlib";
import type { Readable } from "node:stream";
import { copierOf, POOLED_BYTES_MIN } from "@millrace/runtime";
import type { WireResponse } from "../exchange.ts";
import type { BodyMemory } from "./body-memory.ts";
import { BODY_STEP_BYTES } from "./limits.ts";
import type { ListenerHost } from "./host.ts";
import { refusals } from "./refusal.ts";
import type { Refusal } from "./refusal.ts";
import type { Reservation } from "./reservation.ts";

const EMPTY = Buffer.alloc(0);

/** A body on its way. */
export interface BodyFlow {
  /** The client left before the end of it. */
  readonly isGone: boolean;
  /** Whether the bytes that a sink gets are to be looked at during the call only. */
  readonly isLent: boolean;
  start(sink: BodySink): void;
  /** There is memory for all of it now, so it may be read in pieces as large as the system gives. */
  hasRoom(): void;
  pause(): void;
  resume(): void;
  /** Tells the sink nothing more. */
  stop(): void;
}

export interface BodySink {
  bytes(bytes: Buffer): void;
  end(): void;
  /** The client left before the end. */
  gone(): void;
}

export interface BodySource {
  readonly flow: BodyFlow;
  /** From `Content-Length`; undefined for a body of unknown length. */
  readonly declaredBytes: number | undefined;
  /** True when the head already said that there is none. */
  readonly empty: boolean;
  /** Called when memory is set aside and reading begins: the time to answer `100 Continue`. */
  readonly ready: (() => void) | undefined;
  /** Lets the transport end the reading: a parse error in the body, or a client that is gone. */
  readonly onFailure: (fail: (cause: Refusal | ClientGone) => void) => void;
}

/** A body that Node's stream gives. */
export class StreamFlow implements BodyFlow {
  readonly isLent = false;
  readonly #stream: Readable;
  #sink: BodySink | undefined;

  constructor(stream: Readable) {
    this.#stream = stream;
  }

  get isGone(): boolean {
    return this.#stream.destroyed;
  }

  start(sink: BodySink): void {
    const stream = this.#stream;
    this.#sink = sink;
    stream.on("data", (chunk: Buffer) => this.#sink?.bytes(chunk));
    stream.on("end", () => this.#sink?.end());
    stream.on("close", () => this.#sink?.gone());
  }

  /** Node's stream has a measure of its own. */
  hasRoom(): void {}

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  /** The listeners stay: taking them off costs more than what they do. */
  stop(): void {
    this.#sink = undefined;
  }
}

/** The client left before its request was complete: nobody to answer. */
export class ClientGone extends Error {
  override readonly name = "ClientGone";
  constructor() {
    super("the client closed the connection");
  }
}

/** A body that was read. It may lie in memory that is used again. */
export class ReceivedBody {
  readonly bytes: Buffer;
  readonly #pooled: Buffer | undefined;
  readonly #memory: BodyMemory;

  constructor(bytes: Buffer, pooled: Buffer | undefined, memory: BodyMemory) {
    this.bytes = bytes;
    this.#pooled = pooled;
    this.#memory = memory;
  }

  /** A small body that is whole, copied. */
  static copyOf(bytes: Buffer, memory: BodyMemory): ReceivedBody {
    if (!memory.isFor(bytes.length)) return new ReceivedBody(Buffer.from(bytes), undefined, memory);
    const pooled = memory.take(bytes.length);
    pooled.set(bytes);
    return new ReceivedBody(pooled.subarray(0, bytes.length), pooled, memory);
  }

  /** Of the memory that it lies in. */
  get heldBytes(): number {
    return this.#pooled?.length ?? this.bytes.length;
  }

  /**
   * Gives the memory back when the service has answered, at most once. Unless that is known to be safe it is left to the
   * garbage collector: an answer may lie in the request, and pieces that are not made yet may be made of it.
   */
  giveBackAfter({ body }: WireResponse): void {
    const pooled = this.#pooled;
    if (pooled === undefined) return;
    if (body instanceof Uint8Array) {
      if (body.buffer === pooled.buffer) return;
    } else if (!Array.isArray(body)) return;
    else for (const piece of body as readonly Uint8Array[]) if (piece.buffer === pooled.buffer) return;
    this.#memory.give(pooled);
  }
}

/**
 * Reads a whole body within the limits. Memory is reserved before bytes are taken from the socket, in steps;
 * while there is none the socket is not read.
 *
 * @throws {Refusal} too large, too slow, or no memory; {ClientGone} when the client left.
 */
export async function readBody(
  host: ListenerHost,
  source: BodySource,
  reservation: Reservation,
): Promise<ReceivedBody> {
  const { limits } = host;
  const { declaredBytes } = source;
  if (source.empty || declaredBytes === 0) {
    source.ready?.();
    return new ReceivedBody(EMPTY, undefined, host.bodies);
  }
  if (declaredBytes !== undefined && declaredBytes > limits.bodyBytesMax) {
    throw refusals.bodyTooLarge(limits.bodyBytesMax);
  }
  const lyingBytes = declaredBytes === undefined ? BODY_STEP_BYTES : host.bodies.sizeBytesFor(declaredBytes);
  const firstBytes = Math.min(lyingBytes, BODY_STEP_BYTES);
  if (!reservation.tryGrowTo(firstBytes) && !(await waitForMemory(host, reservation, firstBytes))) {
    throw refusals.outOfMemory();
  }
  if (source.flow.isGone) throw new ClientGone();
  source.ready?.();
  return gather(host, source, reservation);
}

/**
 * What a body holds of the budget in all. A large one lies in memory that may be a little larger, and the service makes
 * something of it that is up to as large again: base64 is decoded into a copy.
 */
function heldBytesOf(declaredBytes: number, { bodies, memory }: ListenerHost): number {
  const lyingBytes = bodies.sizeBytesFor(declaredBytes);
  if (declaredBytes < POOLED_BYTES_MIN) return lyingBytes;
  // A very large one could have as much only when nobody else had any, not even others that wait.
  const wantedBytes = Math.max(lyingBytes, Math.min(2 * lyingBytes, memory.limitBytes / 2));
  return wantedBytes <= memory.limitBytes ? wantedBytes : declaredBytes;
}

function gather(host: ListenerHost, source: BodySource, reservation: Reservation): Promise<ReceivedBody> {
  const { limits, deadlines } = host;
  const { flow } = source;
  return new Promise((resolve, reject) => {
    const gathered = new GatheredBytes(host.bodies, source);
    let receivedBytes = 0;
    let ended = false;

    const progress = deadlines.start(limits.bodyProgressTimeoutMs, () =>
      settle(refusals.tooSlow("The request body")),
    );
    const whole = deadlines.start(limits.bodyTimeoutMs, () => settle(refusals.tooSlow("The request body")));

    const settle = (cause?: Error) => {
      if (ended) return;
      ended = true;
      progress.clear();
      whole.clear();
      flow.stop();
      if (cause === undefined) {
        resolve(gathered.whole());
        return;
      }
      gathered.giveUp();
      reject(cause);
    };
    const onBytes = (chunk: Buffer) => {
      receivedBytes += chunk.length;
      if (receivedBytes > limits.bodyBytesMax) {
        settle(refusals.bodyTooLarge(limits.bodyBytesMax));
        return;
      }
      const { declaredBytes } = source;
      const isLast = receivedBytes === declaredBytes;
      const nextBytes =
        declaredBytes === undefined
          ? Math.min(receivedBytes * 2, limits.bodyBytesMax)
          : heldBytesOf(declaredBytes, host);
      const hasMemory = receivedBytes < reservation.bytes / 2 || reservation.tryGrowTo(nextBytes);
      gathered.add(chunk, reservation);
      progress.restart(limits.bodyProgressTimeoutMs);
      if (hasMemory || isLast) return;
      flow.pause();
      void waitForMemory(host, reservation, nextBytes).then((granted) => {
        if (ended) return;
        if (!granted) {
          settle(refusals.outOfMemory());
          return;
        }
        progress.restart(limits.bodyProgressTimeoutMs);
        flow.resume();
      });
    };
    source.onFailure(settle);
    flow.start({ bytes: onBytes, end: () => settle(), gone: () => settle(new ClientGone()) });
  });
}

/** The chunks of a body. Once it is sure to get its memory, they are copied to where it will be whole. */
class GatheredBytes {
  readonly #memory: BodyMemory;
  readonly #declaredBytes: number;
  readonly #flow: BodyFlow;
  #pooled: Buffer | undefined;
  #copiedBytes = 0;
  /** What is not copied. */
  #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(memory: BodyMemory, { declaredBytes, flow }: BodySource) {
    this.#memory = memory;
    this.#declaredBytes = declaredBytes ?? 0;
    this.#flow = flow;
  }

  add(chunk: Buffer, reservation: Reservation): void {
    this.#bytes += chunk.length;
    this.#pooled ??= this.#takePooled(reservation);
    if (this.#pooled === undefined || this.#bytes > this.#pooled.length) {
      this.#chunks.push(this.#flow.isLent ? Buffer.from(chunk) : chunk);
      return;
    }
    for (const waiting of this.#chunks.splice(0)) this.#copy(this.#pooled, waiting);
    this.#copy(this.#pooled, chunk);
  }

  #copy(pooled: Buffer, chunk: Buffer): void {
    copierOf(pooled)(pooled, this.#copiedBytes, chunk);
    this.#copiedBytes += chunk.length;
  }

  #takePooled(reservation: Reservation): Buffer | undefined {
    const declaredBytes = this.#declaredBytes;
    if (!this.#memory.isFor(declaredBytes)) return undefined;
    if (reservation.bytes < this.#memory.sizeBytesFor(declaredBytes)) return undefined;
    this.#flow.hasRoom();
    return this.#memory.take(declaredBytes);
  }

  /** Nobody gets to see it. */
  giveUp(): void {
    if (this.#pooled !== undefined) this.#memory.give(this.#pooled);
    this.#pooled = undefined;
    this.#chunks = [];
  }

  whole(): ReceivedBody {
    const [only] = this.#chunks;
    if (this.#pooled !== undefined && this.#copiedBytes === this.#bytes) {
      return new ReceivedBody(this.#pooled.subarray(0, this.#bytes), this.#pooled, this.#memory);
    }
    if (this.#pooled !== undefined) this.#chunks.unshift(this.#pooled.subarray(0, this.#copiedBytes));
    const bytes =
      only !== undefined && this.#chunks.length === 1 ? only : Buffer.concat(this.#chunks, this.#bytes);
    return new ReceivedBody(bytes, undefined, this.#memory);
  }
}

async function waitForMemory(host: ListenerHost, reservation: Reservation, bytes: number): Promise<boolean> {
  const { counters, limits } = host;
  if (reservation.tryGrowTo(bytes)) return true;
  if (counters.waitingForMemory >= limits.memoryWaiterCountMax) return false;
  counters.waitingForMemory += 1;
  try {
    return await reservation.growTo(bytes, limits.memoryWaitMs);
  } finally {
    counters.waitingForMemory -= 1;
  }
}

/**
 * Undoes `Content-Encoding`. The output is counted while it is made, so a small body cannot become a large one.
 *
 * @throws {Refusal} for other encodings, broken gzip, too much output, or no memory.
 */
export async function decodeBody(
  host: ListenerHost,
  encoding: string | undefined,
  body: Uint8Array,
  reservation: Reservation,
): Promise<Uint8Array> {
  const name = encoding?.trim().toLowerCase() ?? "";
  if (name === "" || name === "identity" || body.length === 0) return body;
  if (name !== "gzip" && name !== "x-gzip") throw refusals.unsupportedEncoding(name);
  const { limits } = host;
  const gunzip = createGunzip();
  gunzip.end(body);
  const chunks: Buffer[] = [];
  let outputBytes = 0;
  try {
    for await (const chunk of gunzip as AsyncIterable<Buffer>) {
      outputBytes += chunk.length;
      if (outputBytes > limits.bodyBytesMax) throw refusals.bodyTooLarge(limits.bodyBytesMax);
      const heldBytes = body.length + outputBytes;
      if (heldBytes > reservation.bytes) {
        const wantedBytes = Math.max(heldBytes, Math.min(heldBytes * 2, body.length + limits.bodyBytesMax));
        if (!(await waitForMemory(host, reservation, wantedBytes))) throw refusals.outOfMemory();
      }
      chunks.push(chunk);
    }
  } catch (error) {
    gunzip.destroy();
    if (isZlibError(error)) throw refusals.malformed("The request body is not valid gzip");
    throw error;
  }
  return Buffer.concat(chunks, outputBytes);
}

function isZlibError(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  return typeof code === "string" && code.startsWith("Z_");
}
