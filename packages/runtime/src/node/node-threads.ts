import { MessageChannel, type MessagePort, Worker, workerData } from "node:worker_threads";
import type { Port, Thread, ThreadStart } from "../port.ts";

/** What `workerData` holds. */
interface Handed<Data> {
  readonly data: Data;
  readonly ports: readonly MessagePort[];
}

/**
 * Starts a thread of this process. `program` is a module that calls {@link threadStart}; `data` is copied to it
 * (structured clone).
 */
export function startThread(program: URL, data: unknown, portCount: number): Thread {
  const channels = Array.from({ length: portCount }, () => new MessageChannel());
  const handed: Handed<unknown> = { data, ports: channels.map(({ port2 }) => port2) };
  const worker = new Worker(program, {
    workerData: handed,
    transferList: channels.map(({ port2 }) => port2),
    // Its own lines go where those of the process go; it reads nothing.
    stdin: false,
  });
  let isWanted = true;
  let cause: unknown;
  worker.once("error", (error) => {
    cause = error;
  });
  const ended = new Promise<{ readonly cause: unknown } | undefined>((resolve) => {
    worker.once("exit", (code) => {
      resolve(isWanted ? { cause: cause ?? `it ended with code ${code}` } : undefined);
    });
  });
  return {
    ports: channels.map(({ port1 }) => new BatchingPort(port1)),
    ended,
    async end() {
      isWanted = false;
      await worker.terminate();
      await ended;
    },
  };
}

/** What this thread was started with; only in a thread that {@link startThread} started. */
export function threadStart<Data>(): ThreadStart<Data> {
  const { data, ports } = workerData as Handed<Data>;
  return { data, ports: ports.map((port) => new BatchingPort(port)) };
}

/** Waking the other thread costs as much as some messages do. Those that are posted within this time go together. */
const BATCH_MS = 1;

/**
 * What is posted in one turn of the event loop goes together, but not for longer than {@link BATCH_MS}: a turn may have a batch of
 * requests in it, and the other thread is to work on the first of them while this one still reads the last.
 */
class BatchingPort implements Port {
  readonly #port: MessagePort;
  #batch: unknown[] = [];
  #handedOver: ArrayBuffer[] = [];
  #isClosed = false;
  #isDue = false;
  #lastSentMs = -Infinity;

  constructor(port: MessagePort) {
    this.#port = port;
  }

  post(message: unknown, handedOver: readonly ArrayBuffer[] = []): void {
    if (this.#isClosed) return;
    this.#batch.push(message);
    this.#handedOver.push(...handedOver);
    if (performance.now() - this.#lastSentMs >= BATCH_MS) {
      this.#send();
    } else if (!this.#isDue) {
      this.#isDue = true;
      setImmediate(() => {
        this.#isDue = false;
        this.#send();
      });
    }
  }

  #send(): void {
    if (this.#isClosed || this.#batch.length === 0) return;
    const [batch, handedOver] = [this.#batch, this.#handedOver];
    this.#batch = [];
    this.#handedOver = [];
    this.#lastSentMs = performance.now();
    this.#port.postMessage(batch, handedOver);
  }

  receive(listener: (message: unknown) => void): void {
    this.#port.on("message", (batch: readonly unknown[]) => {
      for (const message of batch) listener(message);
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#port.close();
  }
}
