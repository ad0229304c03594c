/**
 * SDKs of other languages, each in a process of its own that speaks JSON lines: see
 * `verification/interop/python/bridge.py` and `verification/interop/java`.
 */
import { spawn, type ChildProcessByStdio } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import {
  CallError,
  type Answer,
  type Driver,
  type OperationName,
  type SubscribeToShardEvent,
  type Subscription,
} from "./client.ts";

interface Line {
  readonly id: number;
  readonly output?: unknown;
  readonly event?: unknown;
  readonly end?: true;
  readonly error?: { readonly code: string; readonly message: string; readonly status: number };
}

type Listener = (line: Line) => void;

export function bridgeDriver(
  { name, lacks }: Pick<Driver, "lacks"> & { readonly name: "python" | "java" },
  command: string,
  arguments_: readonly string[],
): Driver {
  const bridge = new Bridge(command, arguments_);
  return {
    name,
    lacks,
    client: (accessKeyId) => ({
      async call<Name extends OperationName>(operation: Name, input: object = {}) {
        return new Promise<Answer<Name>>((resolve, reject) => {
          const id = bridge.send({ accessKeyId, operation, input: encode(input) }, (line) => {
            bridge.forget(id);
            if (line.error === undefined) resolve(decode(line.output) as Answer<Name>);
            else reject(errorOf(line));
          });
        });
      },
      subscribe: (input) =>
        new Promise<Subscription>((resolve, reject) => {
          const events = new Inbox<SubscribeToShardEvent>();
          let accepted = false;
          const id = bridge.send(
            { accessKeyId, operation: "SubscribeToShard", input: encode(input) },
            (line) => {
              if (line.output !== undefined) {
                accepted = true;
                resolve({
                  next: () => events.take(),
                  close() {
                    bridge.forget(id);
                    bridge.write({ cancel: id });
                  },
                });
              } else if (line.event !== undefined) {
                events.put(decode(line.event) as SubscribeToShardEvent);
              } else {
                bridge.forget(id);
                if (line.error === undefined) events.end();
                else if (accepted) events.fail(errorOf(line));
                else reject(errorOf(line));
              }
            },
          );
        }),
    }),
    close: () => bridge.close(),
  };
}

class Bridge {
  readonly #process: ChildProcessByStdio<Writable, Readable, null>;
  readonly #listeners = new Map<number, Listener>();
  readonly #ended: Promise<void>;
  #lastId = 0;
  #failure: string | undefined;

  constructor(command: string, arguments_: readonly string[]) {
    this.#process = spawn(command, arguments_, { stdio: ["pipe", "pipe", "inherit"] });
    createInterface({ input: this.#process.stdout }).on("line", (text) => {
      const line = JSON.parse(text) as Line;
      this.#listeners.get(line.id)?.(line);
    });
    this.#ended = new Promise((resolve) => {
      const end = (why: string) => {
        this.#failure = why;
        this.#failAll();
        resolve();
      };
      this.#process.on("error", (error) => end(error.message));
      this.#process.on("exit", (status) => end(`${command} ended with status ${status}`));
      // A pipe that breaks is followed by the exit, which says more.
      this.#process.stdin.on("error", () => {});
    });
    // Tests that wait for an answer keep their own process alive; the bridge alone must not.
    this.#process.unref();
  }

  send(request: object, listener: Listener): number {
    const id = ++this.#lastId;
    this.#listeners.set(id, listener);
    this.write({ id, ...request });
    if (this.#failure !== undefined) queueMicrotask(() => this.#failAll());
    return id;
  }

  write(request: object): void {
    if (this.#failure === undefined) this.#process.stdin.write(`${JSON.stringify(request)}\n`);
  }

  forget(id: number): void {
    this.#listeners.delete(id);
  }

  async close(): Promise<void> {
    this.#process.stdin.end();
    await this.#ended;
  }

  #failAll(): void {
    for (const [id, listener] of this.#listeners) {
      listener({ id, error: { code: "BridgeEnded", message: this.#failure ?? "", status: 0 } });
    }
  }
}

/** Events that arrived and nobody has taken yet. Bounded by what one case puts into a shard. */
class Inbox<T> {
  readonly #arrived: T[] = [];
  #waiting: { resolve: (value: T | undefined) => void; reject: (error: Error) => void }[] = [];
  #failure: Error | undefined;
  #ended = false;

  put(value: T): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#arrived.push(value);
    else waiting.resolve(value);
  }

  end(): void {
    this.#ended = true;
    for (const { resolve } of this.#waiting.splice(0)) resolve(undefined);
  }

  fail(error: Error): void {
    this.#failure = error;
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }

  take(): Promise<T | undefined> {
    const arrived = this.#arrived.shift();
    if (arrived !== undefined) return Promise.resolve(arrived);
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#ended) return Promise.resolve(undefined);
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }
}

function errorOf({ error }: Line): CallError {
  return new CallError(error?.code ?? "", error?.message ?? "", error?.status ?? 0);
}

function encode(value: unknown): unknown {
  if (value instanceof Uint8Array) return { $blob: Buffer.from(value).toString("base64") };
  if (value instanceof Date) return { $ms: value.getTime() };
  if (Array.isArray(value)) return value.map(encode);
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, encode(member)]));
  }
  return value;
}

function decode(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(decode);
  if (typeof value !== "object" || value === null) return value;
  if ("$blob" in value) return Uint8Array.from(Buffer.from(value.$blob as string, "base64"));
  if ("$ms" in value) return new Date(value.$ms as number);
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, decode(member)]));
}
