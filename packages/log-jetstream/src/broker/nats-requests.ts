import type { Clock, Timer } from "@millrace/runtime";
import type { Msg, MsgHdrs, NatsConnection } from "@nats-io/transport-node";
import { createInbox } from "@nats-io/transport-node";

/** What came of a request. */
export type Ending =
  /** The collector had all that it wanted. */
  | { readonly kind: "complete" }
  /** Nobody serves the subject, or nothing was sent because there is no connection: surely nothing was done. */
  | { readonly kind: "nobody"; readonly reason: string }
  /** Too big for the servers: nothing was sent. */
  | { readonly kind: "too-large"; readonly reason: string }
  /** No answer in time, or the connection was lost meanwhile. */
  | { readonly kind: "unknown"; readonly reason: string };

/** Takes one message of an answer. Returns true when that was the last one. */
export type Collector = (message: Msg) => boolean;

export interface Request {
  readonly subject: string;
  readonly payload: Uint8Array;
  readonly headers?: MsgHdrs;
  /** True when nobody is to answer this one: it goes before one that is answered. */
  readonly isSilent?: boolean;
}

interface Waiting {
  readonly collect: Collector;
  readonly finish: (ending: Ending) => void;
}

const NO_RESPONDERS = 503;

/**
 * Requests and their answers over one connection, with the caller's clock. Unlike the client library's own requests an answer
 * may have many messages, and a lost connection is the end of all that waits: a reply cannot come any more, and knowing it
 * at once saves the caller a time-out.
 */
export class Requests {
  readonly #connection: NatsConnection;
  readonly #clock: Clock;
  readonly #inbox = createInbox();
  readonly #waiting = new Map<string, Waiting>();
  #nextToken = 0;
  #isConnected = true;

  constructor(connection: NatsConnection, clock: Clock) {
    this.#connection = connection;
    this.#clock = clock;
    connection.subscribe(`${this.#inbox}.*`, {
      callback: (error, message) => {
        if (error === null) this.#arrived(message);
      },
    });
    void this.#followStatus();
  }

  get isConnected(): boolean {
    return this.#isConnected;
  }

  /** Sends the requests, which share one reply subject, and collects what is answered. */
  ask(requests: readonly Request[], timeoutMs: number, collect: Collector): Promise<Ending> {
    if (!this.#isConnected)
      return Promise.resolve({ kind: "nobody", reason: "there is no connection to the cluster" });
    const token = this.#nextToken.toString(36);
    this.#nextToken += 1;
    return new Promise((resolve) => {
      const timer: Timer = this.#clock.schedule(timeoutMs, () =>
        finish({ kind: "unknown", reason: `no answer within ${timeoutMs} ms` }),
      );
      const finish = (ending: Ending): void => {
        timer.cancel();
        this.#waiting.delete(token);
        resolve(ending);
      };
      this.#waiting.set(token, { collect, finish });
      for (const request of requests) {
        const failure = this.#send(request, `${this.#inbox}.${token}`);
        if (failure !== undefined) {
          finish(failure);
          return;
        }
      }
    });
  }

  #send({ subject, payload, headers, isSilent = false }: Request, reply: string): Ending | undefined {
    // The library throws, too, but cannot tell sizes from bugs.
    const sizeBytes = payload.byteLength + (headers === undefined ? 0 : headersBytes(headers));
    const maxBytes = this.#connection.info?.max_payload;
    if (maxBytes !== undefined && sizeBytes > maxBytes) {
      return {
        kind: "too-large",
        reason: `a message of ${sizeBytes} bytes is above max_payload, which is ${maxBytes}`,
      };
    }
    if (this.#connection.isClosed())
      return { kind: "nobody", reason: "the connection to the cluster is closed" };
    this.#connection.publish(subject, payload, {
      ...(headers === undefined ? {} : { headers }),
      ...(isSilent ? {} : { reply }),
    });
    return undefined;
  }

  #arrived(message: Msg): void {
    const waiting = this.#waiting.get(message.subject.slice(this.#inbox.length + 1));
    if (waiting === undefined) return;
    if (message.data.length === 0 && message.headers?.code === NO_RESPONDERS) {
      waiting.finish({ kind: "nobody", reason: "nobody in the cluster serves it at the moment" });
    } else if (this.#isLast(waiting, message)) {
      waiting.finish({ kind: "complete" });
    }
  }

  #isLast({ collect, finish }: Waiting, message: Msg): boolean {
    try {
      return collect(message);
    } catch (error) {
      // Thrown into the client library it would end the connection for everybody.
      finish({ kind: "unknown", reason: `an answer that cannot be read: ${String(error)}` });
      return false;
    }
  }

  async #followStatus(): Promise<void> {
    for await (const status of this.#connection.status()) {
      if (status.type === "reconnect") this.#isConnected = true;
      else if (status.type === "disconnect" || status.type === "close") this.#lost();
    }
    this.#lost();
  }

  #lost(): void {
    this.#isConnected = false;
    for (const { finish } of [...this.#waiting.values()]) {
      finish({ kind: "unknown", reason: "the connection to the cluster was lost" });
    }
  }
}

/** `NATS/1.0`, then a line for each value, then an empty one. */
function headersBytes(headers: MsgHdrs): number {
  let bytes = 12;
  for (const [name, values] of headers) {
    for (const value of values) bytes += Buffer.byteLength(name) + Buffer.byteLength(value) + 4;
  }
  return bytes;
}
