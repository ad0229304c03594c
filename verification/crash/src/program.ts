/** The server as a process of its own: started, watched, stopped and killed. */
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { undoLater } from "./cleanup.ts";
import { programPath, threadCount } from "./settings.ts";

export interface ProgramOptions {
  readonly dataDir: string;
  /** Beside `serve --port 0 --data-dir … --threads …`. Default: `--limits off`. */
  readonly flags?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const OUTPUT_CHARACTERS_MAX = 64 * 1024;
const READY_TIMEOUT_MS = 120_000;
const CLOCK_TICKS_PER_SECOND = 100;

export class Program {
  readonly dataDir: string;
  readonly exited: Promise<Exit>;
  /** Resolves to the endpoint; rejects when the process ends first. */
  readonly ready: Promise<string>;
  /** From the start of the process to the line that names the endpoint. Milliseconds. */
  startMs: number | undefined;
  exit: Exit | undefined;
  readonly #child: ChildProcess;
  readonly #forget: () => void;
  #output = "";

  constructor({ dataDir, flags = ["--limits", "off"], environment = {} }: ProgramOptions) {
    if (!existsSync(programPath)) throw new Error(`${programPath} is missing: run "npm run build" first`);
    this.dataDir = dataDir;
    const startedMs = performance.now();
    const child = spawn(
      process.execPath,
      [
        programPath,
        "serve",
        "--port",
        "0",
        "--data-dir",
        dataDir,
        "--threads",
        String(threadCount),
        ...flags,
      ],
      { stdio: ["ignore", "pipe", "pipe"], env: { ...plainEnvironment(), ...environment } },
    );
    this.#child = child;
    this.#forget = undoLater(() => child.kill("SIGKILL"));
    this.exited = new Promise((resolve) => {
      child.on("close", (code, signal) => {
        this.#forget();
        this.exit = { code, signal };
        resolve(this.exit);
      });
    });
    this.ready = new Promise((resolve, reject) => {
      const look = (text: string) => {
        this.#output = (this.#output + text).slice(-OUTPUT_CHARACTERS_MAX);
        if (this.startMs !== undefined) return;
        const endpoint = /http:\/\/(?:127\.0\.0\.1|localhost|\[::1\]):\d+/.exec(this.#output)?.[0];
        if (endpoint === undefined) return;
        this.startMs = performance.now() - startedMs;
        resolve(endpoint);
      };
      child.stdout?.setEncoding("utf8").on("data", look);
      child.stderr?.setEncoding("utf8").on("data", look);
      child.on("error", reject);
      void this.exited.then((exit) =>
        reject(new Error(`the server ended before it was ready: ${describeExit(exit)}\n${this.#output}`)),
      );
      const late = setTimeout(
        () => reject(new Error(`the server was not ready after ${READY_TIMEOUT_MS} ms\n${this.#output}`)),
        READY_TIMEOUT_MS,
      );
      late.unref();
    });
    // Whoever kills it during the start does not wait for it.
    this.ready.catch(() => undefined);
  }

  get pid(): number {
    const { pid } = this.#child;
    if (pid === undefined) throw new Error("the server could not be started");
    return pid;
  }

  /** What it last said on standard output and standard error. */
  get output(): string {
    return this.#output;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  async kill(): Promise<Exit> {
    this.signal("SIGKILL");
    return this.exited;
  }

  /** Stops it in good order. Fails when it does not end by itself with 0. */
  async stop(timeoutMs = 30_000): Promise<void> {
    this.signal("SIGTERM");
    const exit = await Promise.race([this.exited, sleep(timeoutMs, undefined, { ref: false })]);
    if (exit === undefined) {
      await this.kill();
      throw new Error(`the server did not end within ${timeoutMs} ms of SIGTERM\n${this.#output}`);
    }
    if (exit.code !== 0) throw new Error(`SIGTERM: ${describeExit(exit)}\n${this.#output}`);
  }

  /** Resident memory now and at its highest, in bytes. */
  memory(): { readonly residentBytes: number; readonly peakBytes: number } {
    const status = readFileSync(`/proc/${this.pid}/status`, "utf8");
    const bytesOf = (name: string) =>
      Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1]) * 1024;
    return { residentBytes: bytesOf("VmRSS"), peakBytes: bytesOf("VmHWM") };
  }

  /** Processor time used so far, in seconds. */
  processorSeconds(): number {
    const fields = readFileSync(`/proc/${this.pid}/stat`, "utf8")
      .replace(/^.*\) /, "")
      .split(" ");
    return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SECOND;
  }
}

export function describeExit({ code, signal }: Exit): string {
  return signal === null ? `exit code ${code}` : `killed by ${signal}`;
}

/** Settings of whoever runs the tests must not become settings of the server. */
function plainEnvironment(): Record<string, string> {
  const plain: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined && !/^(MILLRACE_|VITEST|NODE_OPTIONS$)/.test(name)) plain[name] = value;
  }
  return plain;
}
