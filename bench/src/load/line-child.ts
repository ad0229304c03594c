/** A process that is asked line by line, and answers each line with a line of JSON. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { undoAtExit } from "../servers/scratch.ts";
import { LoadError } from "./run-load.ts";

interface Waiting {
  resolve(answer: unknown): void;
  reject(error: Error): void;
}

export class LineChild {
  readonly #child: ChildProcess;
  readonly #waiting: Waiting[] = [];
  #ended: LoadError | undefined;
  #complaints = "";

  private constructor(program: string, plan: object) {
    const child = spawn(process.execPath, [program, JSON.stringify(plan)], {
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.#child = child;
    const forget = undoAtExit(() => child.kill("SIGKILL"));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (this.#complaints += text));
    child.stdin.on("error", () => undefined);
    createInterface({ input: child.stdout }).on("line", (line) => {
      this.#waiting.shift()?.resolve(JSON.parse(line));
    });
    const end = (how: string) => {
      forget();
      this.#ended ??= new LoadError(`${program} ended with ${how}\n${this.#complaints}`);
      for (const { reject } of this.#waiting.splice(0)) reject(this.#ended);
    };
    child.on("error", (error) => end(error.message));
    child.on("close", (code, signal) => end(signal ?? `exit code ${code}`));
  }

  /** Starts a program whose only argument is the plan as JSON; resolves when it has said by a first line that it is ready. */
  static async start(program: string, plan: object): Promise<LineChild> {
    const child = new LineChild(program, plan);
    await child.#answer();
    return child;
  }

  /** @throws {LoadError} when it ends without an answer. */
  async ask<Answer>(line: string): Promise<Answer> {
    this.#child.stdin?.write(`${line}\n`);
    return (await this.#answer()) as Answer;
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  #answer(): Promise<unknown> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }
}

/** The other side: says that it is ready, and answers each line; ends with its input. */
export async function answerLines(answer: (line: string) => unknown): Promise<void> {
  tell("ready");
  for await (const line of createInterface({ input: process.stdin })) tell(await answer(line));
}

function tell(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value ?? null)}\n`);
}
