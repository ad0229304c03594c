import { readFile } from "node:fs/promises";
import { http1Transport, http2Transport } from "@millrace/client";
import { nodeRuntime } from "@millrace/runtime";
import { NOBODY_READS, type Output, type World } from "./world.ts";

/**
 * The real surroundings of the program. The first SIGINT or SIGTERM asks it to end; a second SIGINT ends it
 * as usual.
 */
export function nodeWorld(): World {
  const interruption = new AbortController();
  const interrupt = () => interruption.abort(new Error("interrupted"));
  process.once("SIGINT", interrupt);
  process.once("SIGTERM", interrupt);
  const { clock, random } = nodeRuntime();
  return {
    environment: process.env,
    input: standardInput(interruption.signal),
    output: outputTo(process.stdout, () => interruption.abort(NOBODY_READS)),
    errors: outputTo(process.stderr, () => {}),
    runtime: nodeRuntime,
    clock,
    random,
    interrupted: interruption.signal,
    readFile: (path) => readFile(path, "utf8"),
    transportTo: (endpoint, { httpVersion, ...trust }) =>
      httpVersion === "2" ? http2Transport(endpoint, trust) : http1Transport(endpoint, trust),
  };
}

/** Standard input until its end, or until the program is asked to end. */
async function* standardInput(interrupted: AbortSignal): AsyncGenerator<Uint8Array> {
  const stop = () => process.stdin.destroy();
  interrupted.addEventListener("abort", stop, { once: true });
  try {
    for await (const piece of process.stdin) yield piece as Uint8Array;
  } catch (failure) {
    if (!interrupted.aborted) throw failure;
  } finally {
    interrupted.removeEventListener("abort", stop);
  }
}

function outputTo(stream: NodeJS.WriteStream, onGone: () => void): Output {
  // `millrace tail | head` is a way to end, not a failure.
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    onGone();
  });
  return {
    write: (text) => void stream.write(text),
    drained: () =>
      stream.writableNeedDrain && !stream.destroyed
        ? new Promise((resolve) => {
            const done = () => {
              stream.off("drain", done);
              stream.off("close", done);
              resolve();
            };
            stream.on("drain", done);
            stream.on("close", done);
          })
        : Promise.resolve(),
    isTerminal: stream.isTTY,
    get columnCount() {
      return stream.columns ?? 80;
    },
  };
}
