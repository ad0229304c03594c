import { createHash } from "node:crypto";

/** Lines of the trace that a failure shows. */
const RECENT_MAX = 60;

/** Everything that happened in a history, as one hash; the last of it in words, for whoever has to find out why. */
export class Trace {
  readonly #hash = createHash("sha256");
  readonly #recent: string[] = [];
  #next = 0;

  /** Notes an event, and bytes that belong to it. */
  note(atMs: number, event: string, bytes?: Uint8Array): void {
    const line = `${atMs.toFixed(3)} ${event}`;
    this.#hash.update(`${line}\n`);
    if (bytes !== undefined) this.#hash.update(bytes);
    this.#recent[this.#next % RECENT_MAX] = line;
    this.#next += 1;
  }

  /** The last events, oldest first. */
  recent(): string[] {
    const from = Math.max(0, this.#next - RECENT_MAX);
    return Array.from(
      { length: this.#next - from },
      (_, at) => this.#recent[(from + at) % RECENT_MAX] as string,
    );
  }

  digest(): string {
    return this.#hash.copy().digest("hex");
  }
}
