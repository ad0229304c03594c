/** Amazon's KPL as a process that puts what it is asked to: the program in `verification/interop/kpl`. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { USER_KEY_COUNT } from "../load/user-records.ts";
import { cpuMsOf } from "../servers/process-usage.ts";
import { undoAtExit } from "../servers/scratch.ts";

const archive = fileURLToPath(
  new URL("../../../verification/interop/kpl/target/millrace-interop-kpl.jar", import.meta.url),
);

/** Why the KPL cannot be measured here; undefined when it can. */
export function whyNoKpl(): string | undefined {
  if (existsSync(archive)) return undefined;
  return "it is not made (mvn -q -f verification/interop/kpl package, which needs Java 17 and Maven)";
}

export interface KplPut {
  /** Of how many it was told that they are stored. */
  readonly storedCount: number;
  /** From the first record that was handed over to the last outcome. */
  readonly tookMs: number;
  /** Of a record, from being handed over to its outcome. */
  readonly p99Ms: number;
}

export interface KplOptions {
  /** Has to speak TLS: the KPL speaks nothing else. */
  readonly endpoint: string;
  readonly streamName: string;
  /** Where its daemon is unpacked. */
  readonly directory: string;
  readonly lingerMs: number;
}

export class Kpl {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  #said = "";

  private constructor({ endpoint, streamName, directory, lingerMs }: KplOptions) {
    const settings = {
      TempDirectory: directory,
      VerifyCertificate: false,
      RecordMaxBufferedTime: lingerMs,
      // Percent of what a shard takes on AWS: out of reach, as the limits of the server are.
      RateLimit: 1_000_000,
      // What it would measure of itself costs time too, and so does knowing its oldest record: in its own settings, which has that
      // on, each outcome searches all records that have none yet, and the virtual machine needs three times as long.
      EnableOldestFutureTracker: false,
      MetricsLevel: "none",
    };
    this.#child = spawn(
      "java",
      [
        ...["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-jar", archive],
        ...[endpoint, "us-east-1", streamName, "sums"],
        ...Object.entries(settings).map(([name, value]) => `${name}=${value}`),
      ],
      { stdio: ["pipe", "pipe", "pipe"] },
    );
    const forget = undoAtExit(() => this.#child.kill("SIGKILL"));
    this.#child.on("close", forget);
    this.#child.on("error", (error) => (this.#said += error.message));
    this.#child.stdin!.on("error", () => undefined);
    this.#child.stderr!.setEncoding("utf8").on("data", (text: string) => (this.#said += text));
    this.#lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
  }

  static async start(options: KplOptions): Promise<Kpl> {
    const kpl = new Kpl(options);
    await kpl.#next();
    return kpl;
  }

  /** Puts {@link userRecords}; `pace` is records a second, 0 as fast as it takes them. Rejects when one fails. */
  async put(first: number, count: number, sizeBytes: number, pace: number): Promise<KplPut> {
    this.#child.stdin!.write(`put ${first} ${count} ${sizeBytes} ${USER_KEY_COUNT} ${pace}\n`);
    const line = await this.#next();
    if (!line.startsWith("done ")) throw new Error(`the KPL says: ${line}`);
    return JSON.parse(line.slice("done ".length)) as KplPut;
  }

  /** Processor time so far of the virtual machine and of the daemon that it has started, in milliseconds. */
  cpuMs(): number {
    const pid = this.#child.pid!;
    return cpuMsOf([pid, ...childrenOf(pid)]);
  }

  /** Resolves when it has ended, and its daemon with it. */
  async stop(): Promise<void> {
    this.#child.stdin!.end();
    await this.#lines.next();
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  async #next(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error(`the KPL has ended\n${this.#said}`);
    return value;
  }
}

function childrenOf(parent: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
        return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1] === String(parent);
      } catch {
        // It has ended meanwhile.
        return false;
      }
    });
}
