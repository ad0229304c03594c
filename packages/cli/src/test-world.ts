import { type ClientTransport, TransportError } from "@millrace/client";
import { type Clock, type Runtime, seededRandom, simulatedClock, simulatedRuntime } from "@millrace/runtime";
import type { Output, World } from "./world.ts";

export interface TestWorld extends World {
  readonly shown: () => string;
  readonly complained: () => string;
  readonly interrupt: (reason?: Error) => void;
}

export interface TestWorldOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly input?: readonly string[];
  readonly transport?: ClientTransport;
  /** Of servers by host and port, where there are several. */
  readonly transports?: Readonly<Record<string, ClientTransport>>;
  readonly files?: Readonly<Record<string, string>>;
  readonly clock?: Clock;
  readonly runtime?: Runtime;
}

/** Surroundings for a command under test: what it writes is kept, and nothing is listening anywhere. */
export function testWorld(options: TestWorldOptions = {}): TestWorld {
  const output = keptOutput();
  const errors = keptOutput();
  const interruption = new AbortController();
  return {
    environment: options.environment ?? {},
    input: (async function* () {
      for (const piece of options.input ?? []) yield Buffer.from(piece);
    })(),
    output,
    errors,
    runtime: () => options.runtime ?? simulatedRuntime({ seed: 1 }),
    clock: options.clock ?? simulatedClock(),
    random: seededRandom(1),
    interrupted: interruption.signal,
    readFile: async (path) => {
      const text = options.files?.[path];
      if (text === undefined)
        throw Object.assign(new Error(`ENOENT: no such file: ${path}`), { code: "ENOENT" });
      return text;
    },
    transportTo: (endpoint) =>
      options.transports?.[endpoint.host] ?? options.transport ?? nobodyAt(endpoint.host),
    shown: output.text,
    complained: errors.text,
    interrupt: (reason = new Error("interrupted")) => interruption.abort(reason),
  };
}

function nobodyAt(authority: string): ClientTransport {
  return {
    authority,
    send: () =>
      Promise.reject(new TransportError(`connect ECONNREFUSED ${authority}`, { code: "ECONNREFUSED" })),
    close: () => Promise.resolve(),
  };
}

function keptOutput(): Output & { readonly text: () => string } {
  let text = "";
  return {
    write: (more) => void (text += more),
    drained: () => Promise.resolve(),
    isTerminal: false,
    columnCount: 80,
    text: () => text,
  };
}
