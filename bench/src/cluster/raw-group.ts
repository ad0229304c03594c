/**
 * One stream of JetStream, written as plainly as it can be with the same promise: one append under way, everything that came
 * meanwhile is the next one, as an atomic batch when it is more than one message. What the log engine does beyond that
 * is what it costs.
 */

/** The bounds of one append, which are those of the engine. */
const APPEND_BYTES_MAX = 1 << 20;
const APPEND_MESSAGES_MAX = 1_000;

export interface RawEntry {
  readonly subject: string;
  readonly payload: Uint8Array;
}

/** Publishes entries at consecutive places, or rejects. */
export type PublishRaw = (entries: readonly RawEntry[]) => Promise<void>;

interface Waiting {
  readonly entry: RawEntry;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class RawGroup {
  readonly #publish: PublishRaw;
  #queue: Waiting[] = [];
  #isWriting = false;

  constructor(publish: PublishRaw) {
    this.#publish = publish;
  }

  /** Resolves when the entry is acknowledged. */
  append(entry: RawEntry): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ entry, resolve, reject });
      if (this.#isWriting) return;
      this.#isWriting = true;
      setImmediate(() => void this.#write());
    });
  }

  async #write(): Promise<void> {
    while (this.#queue.length > 0) {
      const taken = this.#take();
      try {
        await this.#publish(taken.map(({ entry }) => entry));
        for (const { resolve } of taken) resolve();
      } catch (error) {
        for (const { reject } of taken) reject(error);
      }
    }
    this.#isWriting = false;
  }

  #take(): Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const { entry } of this.#queue) {
      bytes += entry.payload.byteLength;
      if (count > 0 && (bytes > APPEND_BYTES_MAX || count === APPEND_MESSAGES_MAX)) break;
      count += 1;
    }
    return this.#queue.splice(0, count);
  }
}
