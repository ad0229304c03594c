import { randomBytes } from "node:crypto";
import { writeSync } from "node:fs";
import type { LogLevel } from "../logger.ts";
import type { Runtime } from "../runtime.ts";
import { smallFastCounter } from "../seeded-random.ts";
import { nodeClock } from "./node-clock.ts";
import { nodeCrash } from "./node-crash.ts";
import { nodeFiles } from "./node-files.ts";
import type { LogFormat } from "./node-logger.ts";
import { nodeLogger } from "./node-logger.ts";

export interface NodeRuntimeOptions {
  /** Default: `info`. */
  readonly logLevel?: LogLevel;
  /** Default: `text`. */
  readonly logFormat?: LogFormat;
}

/** The real outside: this machine's time, chance, disk and standard error. */
export function nodeRuntime({ logLevel = "info", logFormat = "text" }: NodeRuntimeOptions = {}): Runtime {
  const crash = nodeCrash({
    format: logFormat,
    nowMs: () => Date.now(),
    writeNow: (text) => void writeSync(process.stderr.fd, text),
    exitNow: (code) => {
      // Handlers of "exit" may flush what must not be flushed any more.
      process.removeAllListeners("exit");
      process.exit(code);
    },
  });
  const clock = nodeClock(crash);
  const secrets = { bytes: (count: number): Uint8Array => randomBytes(count) };
  const seed = new DataView(new Uint8Array(randomBytes(12)).buffer);
  // Whoever read standard error may have gone; logging on without a reader is better than ending for that.
  if (process.stderr.listenerCount("error") === 0) process.stderr.on("error", () => undefined);

  return {
    clock,
    random: smallFastCounter(seed.getUint32(0), seed.getUint32(4), seed.getUint32(8)),
    secrets,
    files: nodeFiles(),
    log: nodeLogger({
      level: logLevel,
      format: logFormat,
      clock,
      write: (line) => void process.stderr.write(line),
    }),
    crash,
  };
}
