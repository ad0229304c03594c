import { createGunzip } from "node:zlib";
import type { Readable } from "node:stream";
import { BODY_STEP_BYTES } from "./limits.ts";
import type { ListenerHost } from "./host.ts";
import { refusals } from "./refusal.ts";
import type { Refusal } from "./refusal.ts";
import type { Reservation } from "./reservation.ts";

const EMPTY = new Uint8Array(0);

export interface BodySource {
  readonly stream: Readable;
  /** From `Content-Length`; undefined for a body of unknown length. */
  readonly declaredBytes: number | undefined;
  /** True when the head already said that there is none. */
  readonly empty: boolean;
  /** Called when memory is set aside and reading begins: the time to answer `100 Continue`. */
  readonly ready: (() => void) | undefined;
  /** Lets the transport end the reading: a parse error in the body, or a client that is gone. */
  readonly onFailure: (fail: (cause: Refusal | ClientGone) => void) => void;
}

/** The client left before its request was complete: nobody to answer. */
export class ClientGone extends Error {
  override readonly name = "ClientGone";
  constructor() {
    super("the client closed the connection");
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
): Promise<Uint8Array> {
  const { limits } = host;
  const { declaredBytes } = source;
  if (source.empty || declaredBytes === 0) {
    source.ready?.();
    return EMPTY;
  }
  if (declaredBytes !== undefined && declaredBytes > limits.bodyBytesMax) {
    throw refusals.bodyTooLarge(limits.bodyBytesMax);
  }
  const firstBytes = Math.min(declaredBytes ?? BODY_STEP_BYTES, BODY_STEP_BYTES);
  if (!reservation.tryGrowTo(firstBytes) && !(await waitForMemory(host, reservation, firstBytes))) {
    throw refusals.outOfMemory();
  }
  if (source.stream.destroyed) throw new ClientGone();
  source.ready?.();
  return gather(host, source, reservation);
}

function gather(host: ListenerHost, source: BodySource, reservation: Reservation): Promise<Uint8Array> {
  const { limits, deadlines } = host;
  const { stream } = source;
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
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
      stream.off("data", onData);
      stream.off("end", onEnd);
      stream.off("close", onClose);
      if (cause === undefined)
        resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, receivedBytes));
      else reject(cause);
    };
    const onEnd = () => settle();
    const onClose = () => settle(new ClientGone());
    const onData = (chunk: Buffer) => {
      receivedBytes += chunk.length;
      if (receivedBytes > limits.bodyBytesMax) {
        settle(refusals.bodyTooLarge(limits.bodyBytesMax));
        return;
      }
      chunks.push(chunk);
      progress.restart(limits.bodyProgressTimeoutMs);
      if (receivedBytes < reservation.bytes || receivedBytes === source.declaredBytes) return;
      const nextBytes = source.declaredBytes ?? Math.min(receivedBytes * 2, limits.bodyBytesMax);
      if (reservation.tryGrowTo(nextBytes)) return;
      stream.pause();
      void waitForMemory(host, reservation, nextBytes).then((granted) => {
        if (ended) return;
        if (!granted) {
          settle(refusals.outOfMemory());
          return;
        }
        progress.restart(limits.bodyProgressTimeoutMs);
        stream.resume();
      });
    };
    source.onFailure(settle);
    stream.on("data", onData);
    stream.on("end", onEnd);
    stream.on("close", onClose);
  });
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
