import { startThread } from "@millrace/runtime";
import type { Logger, Port, Runtime, Thread } from "@millrace/runtime";
import { servePort } from "@millrace/wire";
import type { ListenerLimits, WireService } from "@millrace/wire";
import { OptionError } from "../options/option-error.ts";
import type { ProcessFigures } from "../metrics/server-metrics.ts";
import type { FromProtocolThread, ProtocolThreadData, ToProtocolThread } from "./messages.ts";
import { sumOf } from "./sum-of-stats.ts";

/** What `listen` gives for one thread, of all of them. */
export interface ProtocolThreads {
  readonly urls: readonly string[];
  readonly port: number;
  /** Of all threads together. */
  figures(): Promise<Pick<ProcessFigures, "listener" | "protocolMemory">>;
  /** As `Listener.drain`. */
  drain(graceMs: number): Promise<number>;
  /**
   * Ends the threads. To be called when nothing of this process opens files any more: threads that share a socket each close its
   * descriptor, by a number that must not be another file's by then.
   */
  end(): Promise<void>;
}

export interface ProtocolThreadsOptions {
  readonly count: number;
  readonly host: string;
  readonly port: number;
  readonly tls?: { readonly cert: string; readonly key: string };
  readonly limits?: Partial<ListenerLimits>;
  /** Of each thread. */
  readonly memoryBytes: number;
  /** See `RemoteServiceOptions`. */
  readonly findRecords: boolean;
}

const PROGRAM = new URL("./protocol-thread.js", import.meta.url);

/**
 * Serves clients with threads of their own. They all accept connections from the socket that the first of them
 * opens, and the kernel decides which one gets a connection.
 *
 * A thread that ends by itself ends the process: what it held of its clients nobody else can know.
 *
 * @throws Node's error (`EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL`, …) when the port cannot be had, TLS errors for an
 * unusable certificate or key, and {@link OptionError} where threads cannot share a socket.
 */
export async function startProtocolThreads(
  { crash, log }: Pick<Runtime, "crash" | "log">,
  service: WireService,
  options: ProtocolThreadsOptions,
): Promise<ProtocolThreads> {
  const { count, ...same } = options;
  const data = { tls: undefined, limits: {}, descriptor: undefined, isShared: count > 1, ...same };
  const first = new ProtocolThread(data, service, log, crash);
  const { urls, port, descriptor } = await first.listening.catch(async (error: unknown) => {
    await first.end();
    throw error;
  });
  if (count > 1 && descriptor === undefined) {
    await first.end();
    throw new OptionError("threads", "--threads: no more than 2 can take connections on this platform");
  }
  const threads = [first];
  for (let index = 1; index < count; index += 1) {
    threads.push(new ProtocolThread({ ...data, descriptor }, service, log, crash));
  }
  // Ending those that listen already would close the descriptor under the others.
  await Promise.all(threads.map(({ listening }) => listening)).catch((error: unknown) =>
    crash("a protocol thread cannot listen on the socket that they share", error),
  );
  return {
    urls,
    port,
    async figures() {
      const figures = await Promise.all(threads.map((thread) => thread.figures()));
      const usedBytes = figures.reduce((sum, thread) => sum + thread.usedBytes, 0);
      return {
        listener: sumOf(figures.map(({ stats }) => stats)),
        protocolMemory: { usedBytes, limitBytes: options.memoryBytes * count },
      };
    },
    async drain(graceMs) {
      const brokenOff = await Promise.all(threads.map((thread) => thread.drain(graceMs)));
      return brokenOff.reduce((sum, connections) => sum + connections, 0);
    },
    async end() {
      for (const thread of threads) await thread.end();
    },
  };
}

type Listening = Extract<FromProtocolThread, { kind: "listening" }>;
type Asked = Extract<FromProtocolThread, { kind: "stats" | "drained" }>;

class ProtocolThread {
  readonly listening: Promise<Listening>;
  readonly #thread: Thread;
  readonly #control: Port;
  readonly #pending = new Map<number, (told: Asked) => void>();
  #lastNumber = 0;

  constructor(data: ProtocolThreadData, service: WireService, log: Logger, crash: Runtime["crash"]) {
    this.#thread = startThread(PROGRAM, data, 2);
    const [traffic, control] = this.#thread.ports as [Port, Port];
    this.#control = control;
    servePort(traffic, service, log);
    this.listening = new Promise((resolve, reject) => {
      control.receive((message) => {
        const told = message as FromProtocolThread;
        if (told.kind === "listening") resolve(told);
        else if (told.kind === "log") log[told.level](told.message, told.fields);
        else if (told.kind === "refused") {
          reject(Object.assign(new Error(told.message), told.code === undefined ? {} : { code: told.code }));
        } else {
          this.#pending.get(told.number)?.(told);
          this.#pending.delete(told.number);
        }
      });
    });
    // Whoever waits for it hears of it; with several threads only the first refusal is waited for.
    this.listening.catch(() => {});
    void this.#thread.ended.then((failure) => {
      if (failure !== undefined) crash("a protocol thread ended", failure.cause);
    });
  }

  async figures(): Promise<Extract<Asked, { kind: "stats" }>> {
    const told = await this.#ask((number) => ({ kind: "stats", number }));
    if (told.kind !== "stats")
      throw new Error(`a protocol thread told "${told.kind}" when asked for its stats`);
    return told;
  }

  async drain(graceMs: number): Promise<number> {
    const told = await this.#ask((number) => ({ kind: "drain", number, graceMs }));
    if (told.kind !== "drained") throw new Error(`a protocol thread told "${told.kind}" when asked to drain`);
    return told.brokenOffCount;
  }

  end(): Promise<void> {
    return this.#thread.end();
  }

  #ask(message: (number: number) => ToProtocolThread): Promise<Asked> {
    return new Promise((resolve) => {
      this.#lastNumber += 1;
      this.#pending.set(this.#lastNumber, resolve);
      this.#control.post(message(this.#lastNumber));
    });
  }
}
