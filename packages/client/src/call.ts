import { type Service, ServiceError } from "@millrace/api";
import { BytePool, type Clock, POOLED_BYTES_MIN, type Random } from "@millrace/runtime";
import {
  decodeError,
  decodeResponse,
  type EncodedRequest,
  encodeRequest,
  joinedResponse,
  type FormatName,
  type ReceivedResponse,
} from "@millrace/wire";
import type { RequestSigner } from "./request-signer.ts";
import { mayTryAgain, outcomeOf, retryDelayMs } from "./retry.ts";
import { type ClientTransport, TransportError, type TransportResponse } from "./transport/transport.ts";

/** What one call may have that differs from the client's own settings. */
export interface CallOptions {
  /** Gives the call up; it then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Milliseconds for the whole call, waits and retries included. Default: the client's. */
  readonly deadlineMs?: number;
  /** Attempts of this call, the first included: 1 for a caller that tries again by itself. Default: the client's. */
  readonly attemptCountMax?: number;
}

/** A call that failed and is tried again after a while. */
export interface CallWait {
  readonly operation: string;
  /** What the last attempt ended with. */
  readonly failure: ServiceError;
  /** How many attempts have failed. */
  readonly attemptCount: number;
  /** How long the call has taken so far, and how long until the next attempt, in milliseconds. */
  readonly elapsedMs: number;
  readonly delayMs: number;
}

export interface CallerOptions {
  readonly contract: Service;
  readonly transport: ClientTransport;
  readonly protocol: FormatName;
  readonly sign: RequestSigner;
  readonly clock: Clock;
  readonly random: Random;
  readonly attemptCountMax: number;
  readonly attemptTimeoutMs: number;
  readonly deadlineMs: number;
  readonly onWait: ((wait: CallWait) => void) | undefined;
}

/** Of memory for bodies that are under way no more. */
const IDLE_BODY_BYTES_MAX = 8_388_608;

interface WholeRequest extends EncodedRequest {
  readonly bytes: Uint8Array;
  /** What the bytes lie in, when that may be used again after the answer. */
  readonly memory: Buffer | undefined;
}

/** An open answer, and the means to keep it from going silent. */
export interface OpenAnswer {
  readonly response: TransportResponse;
  /** Starts the silence timeout anew: from here on the service has to say something. */
  readonly listen: () => void;
  /** Stops the silence timeout while nobody listens. */
  readonly pause: () => void;
  /** Lets go of timers and listeners. */
  readonly done: () => void;
}

/**
 * Makes calls: encodes, signs, sends, and tries again what may go away by itself, until it does, or the
 * attempts or the deadline are used up. Whatever fails is a {@link ServiceError}: the service's own; or,
 * with status 0, `ConnectionFailed` or `DeadlineExceeded`, after which it is unknown whether the last
 * attempt was carried out.
 */
export class Caller {
  readonly #options: CallerOptions;
  /** What large bodies are put together in: fresh memory for each makes the collector look at everything all the time. */
  readonly #memory = new BytePool({ idleBytesMax: IDLE_BODY_BYTES_MAX });

  constructor(options: CallerOptions) {
    this.#options = options;
  }

  /** One whole call of an operation that answers with one value. */
  async call(name: string, input: object, options: CallOptions = {}): Promise<unknown> {
    const request = this.#encode(name, input);
    let attemptCount = 0;
    const { value, unlink } = await this.#untilItWorks(name, options, async (attempt) => {
      attemptCount += 1;
      const answer = await this.#open(request, attempt);
      try {
        const { status, headers, body } = answer.response;
        const received = { status, headers, body: await collect(body) };
        if (status !== 200) throw errorOf(joinedResponse(received), this.#options.contract);
        return decodeResponse(this.#options.contract, name, received);
      } finally {
        answer.done();
      }
    });
    unlink();
    // An earlier attempt, given up without an answer, may still be looking at it.
    if (request.memory !== undefined && attemptCount === 1) this.#memory.give(request.memory);
    return value;
  }

  /** The head of a call whose answer is a stream. Once it is open nothing is retried any more. */
  async open(name: string, input: object, options: CallOptions = {}): Promise<OpenAnswer> {
    const request = this.#encode(name, input);
    const { value: answer, unlink } = await this.#untilItWorks(name, options, async (attempt) => {
      const opened = await this.#open(request, attempt);
      const { status, headers, body } = opened.response;
      if (status === 200) return opened;
      try {
        throw errorOf(joinedResponse({ status, headers, body: await collect(body) }), this.#options.contract);
      } finally {
        opened.done();
      }
    });
    return {
      ...answer,
      done() {
        answer.done();
        unlink();
      },
    };
  }

  #encode(name: string, input: object): WholeRequest {
    // AWS answers 500 to a subscription in CBOR, and its events are JSON in any case.
    const format = name === "SubscribeToShard" ? "json" : this.#options.protocol;
    const request = encodeRequest(this.#options.contract, name, input as never, format);
    const sizeBytes = request.body.reduce((sum, { length }) => sum + length, 0);
    if (
      request.body.length === 1 ||
      sizeBytes < POOLED_BYTES_MIN ||
      this.#options.transport.copiesBodies !== true
    ) {
      return { ...request, bytes: joined(request.body), memory: undefined };
    }
    const memory = this.#memory.take(sizeBytes);
    let at = 0;
    for (const piece of request.body) {
      memory.set(piece, at);
      at += piece.length;
    }
    return { ...request, bytes: memory.subarray(0, sizeBytes), memory };
  }

  async #open({ method, path, headers, bytes }: WholeRequest, attempt: AbortController): Promise<OpenAnswer> {
    const { clock, sign, transport, attemptTimeoutMs } = this.#options;
    const silent = () =>
      attempt.abort(new TransportError(`nothing was heard for ${attemptTimeoutMs} ms`, undefined));
    let timer = clock.schedule(attemptTimeoutMs, silent);
    try {
      const { host: _host, ...signed } = sign({
        method,
        path,
        headers: { ...headers, host: transport.authority },
        body: bytes,
      });
      const response = await transport.send({
        method,
        path,
        headers: signed,
        body: bytes,
        signal: attempt.signal,
      });
      return {
        response,
        listen() {
          timer.cancel();
          timer = clock.schedule(attemptTimeoutMs, silent);
        },
        pause: () => timer.cancel(),
        done: () => timer.cancel(),
      };
    } catch (failure) {
      timer.cancel();
      throw failure;
    }
  }

  /**
   * Runs attempts until one succeeds. The caller's signal goes on ending what the last attempt opened
   * until `unlink` is called; the deadline ends with the last attempt.
   */
  async #untilItWorks<T>(
    name: string,
    options: CallOptions,
    makeAttempt: (attempt: AbortController) => Promise<T>,
  ): Promise<{ value: T; unlink: () => void }> {
    const { clock, random } = this.#options;
    const { signal, deadlineMs = this.#options.deadlineMs } = options;
    const attemptCountMax = options.attemptCountMax ?? this.#options.attemptCountMax;
    signal?.throwIfAborted();
    const beganMs = clock.monotonicMs();
    let attempt = new AbortController();
    let late = false;
    const giveUp = () => attempt.abort(signal?.reason);
    const unlink = () => signal?.removeEventListener("abort", giveUp);
    signal?.addEventListener("abort", giveUp, { once: true });
    const deadline = clock.schedule(deadlineMs, () => {
      late = true;
      attempt.abort(new TransportError(`no answer to ${name} within ${deadlineMs} ms`, undefined));
    });
    try {
      for (let attemptCount = 1; ; attemptCount += 1) {
        try {
          return { value: await makeAttempt(attempt), unlink };
        } catch (failure) {
          signal?.throwIfAborted();
          if (late) {
            const message = `no answer to ${name} within ${deadlineMs} ms`;
            throw new ServiceError("DeadlineExceeded", message, { status: 0, cause: failure });
          }
          const outcome = outcomeOf(failure);
          const delayMs = retryDelayMs(attemptCount, outcome, random);
          if (!mayTryAgain(attemptCount, attemptCountMax, outcome)) throw asServiceError(failure);
          // A wait that ends after the deadline is not begun: the last failure says more than the deadline.
          const elapsedMs = clock.monotonicMs() - beganMs;
          if (elapsedMs + delayMs >= deadlineMs) throw asServiceError(failure);
          const known = asServiceError(failure);
          if (known instanceof ServiceError) {
            this.#options.onWait?.({ operation: name, failure: known, attemptCount, elapsedMs, delayMs });
          }
          attempt = new AbortController();
          await wait(clock, delayMs, attempt.signal);
          signal?.throwIfAborted();
        }
      }
    } catch (failure) {
      unlink();
      throw failure;
    } finally {
      deadline.cancel();
    }
  }
}

/** Sleeps, but not longer than until `signal` is aborted. */
function wait(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.schedule(delayMs, () => {
      signal.removeEventListener("abort", stop);
      resolve();
    });
    const stop = () => {
      timer.cancel();
      resolve();
    };
    signal.addEventListener("abort", stop, { once: true });
  });
}

function asServiceError(failure: unknown): unknown {
  if (!(failure instanceof TransportError)) return failure;
  return new ServiceError("ConnectionFailed", failure.message, { status: 0, cause: failure });
}

async function collect(body: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const pieces: Uint8Array[] = [];
  for await (const piece of body) pieces.push(piece);
  return pieces;
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  return pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces);
}

/** The service's error; when a proxy answered in its place, what that said. */
function errorOf(received: ReceivedResponse, contract: Service): ServiceError {
  const error = decodeError(received, contract);
  if (error.message !== "") return error;
  const text = Buffer.from(received.body).toString("utf8").slice(0, 200).trim();
  const said = error.code === "UnknownError" && text !== "" ? `: ${text}` : "";
  return new ServiceError(error.code, `HTTP status ${received.status}${said}`, { status: received.status });
}
