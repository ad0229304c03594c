/** A log of a simulated machine: who writes it, and who rotates it, in all the ways there are. */
import type { Clock, Random } from "@millrace/runtime";
import type { LogWriter } from "./log-writer.ts";

export interface SimulatedLogOptions {
  readonly name: string;
  /**
   * How rotated files are called. `counting`: the newest has the highest number. `shifting`: the newest is 1, and all
   * others are renamed, as logrotate does.
   */
  readonly naming: "counting" | "shifting";
  readonly writer: LogWriter;
  readonly chance: Random;
  readonly clock: Clock;
}

const KINDS = ["rename", "copy", "compress", "compress later"] as const;

export class SimulatedLog {
  readonly name: string;
  /** All that were written. */
  readonly lines: string[] = [];
  readonly #options: SimulatedLogOptions;
  /** Names of rotated files, the newest first. */
  #rotated: string[] = [];
  #rotationCount = 0;
  /** The newest rotated file is compressed by the next rotation. */
  #isCompressedNext = false;

  constructor(options: SimulatedLogOptions) {
    this.name = options.name;
    this.#options = options;
  }

  /** Writes some lines; between two writes one of them is not whole. */
  async write(): Promise<void> {
    const { chance, clock, writer } = this.#options;
    let text = "";
    for (let count = chance.below(40); count >= 0; count -= 1) {
      const line = `${this.name} ${this.lines.length} ${"x".repeat(chance.below(300))}`;
      this.lines.push(line);
      text += `${line}\n`;
    }
    const cut = chance.below(text.length);
    await writer.append(this.name, text.slice(0, cut));
    await clock.sleep(chance.below(200));
    await writer.append(this.name, text.slice(cut));
  }

  /** Puts what is there aside, and writes on. */
  async rotate(): Promise<void> {
    const { chance, clock, writer } = this.#options;
    const kind = KINDS[chance.below(KINDS.length)]!;
    // So late, an archive with a time of its own could not be told from a younger one.
    if (this.#isCompressedNext) await this.#compressNewest(true);
    const to = await this.#nextName();
    if (kind === "copy") await writer.copyTruncate(this.name, to);
    else await writer.rename(this.name, to);
    this.#rotated.unshift(to);
    this.#isCompressedNext = kind === "compress later";
    if (kind === "compress") await this.#compressNewest(chance.below(2) === 0);
    // A writer that has nothing to say for a while has no file either.
    if (chance.below(2) === 0) await clock.sleep(chance.below(1_500));
    await this.write();
  }

  async #nextName(): Promise<string> {
    this.#rotationCount += 1;
    if (this.#options.naming === "counting") return `${this.name}.${this.#rotationCount}`;
    for (let at = this.#rotated.length - 1; at >= 0; at -= 1) {
      const from = this.#rotated[at]!;
      const to = `${this.name}.${at + 2}${from.endsWith(".gz") ? ".gz" : ""}`;
      await this.#options.writer.rename(from, to);
      this.#rotated[at] = to;
    }
    return `${this.name}.1`;
  }

  async #compressNewest(keepsTime: boolean): Promise<void> {
    const { chance, writer } = this.#options;
    const name = this.#rotated[0]!;
    const written = chance.below(2) === 0 ? `${name}.gz` : `${name}.gz.part`;
    await writer.compress(name, { written, keepsTime });
    this.#rotated[0] = `${name}.gz`;
  }
}
