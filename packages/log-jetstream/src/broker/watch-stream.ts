import type { Clock, Timer } from "@millrace/runtime";
import type { Broker, StoredMessage, Subscription } from "./broker.ts";

export interface WatchOptions {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly stream: string;
  /** Only messages of this subject, which may have wildcards. */
  readonly subject: string;
  readonly fromSequence: number;
  /** Of one read. */
  readonly maxBytes: number;
  readonly maxMessages: number;
  /** Up to where the caller knows the stream by itself, because it wrote there: that is not read. Default: nowhere. */
  readonly knownThrough?: () => number;
  /**
   * While an append of the caller is under way: what is announced meanwhile is most likely that one, which its acknowledgement
   * tells without a read. The watch waits for the promise, and looks again.
   */
  readonly appendUnderWay?: () => Promise<unknown> | undefined;
  /** How long the stream is left alone when nothing was announced: announcements may get lost. Default: 1 s. */
  readonly pollIntervalMs?: number;
}

export interface StreamWatch extends Subscription {
  /** As an announcement does: has what is stored up to there read soon, however the caller has heard of it. */
  expect(sequence: number): void;
}

const POLL_INTERVAL_MS = 1_000;
/** How long a replica gets that does not have yet what was announced; twice as long each time it still does not. */
const CATCH_UP_MS = 2;

/**
 * Follows a stream without a consumer on the servers: announcements say when to read, reads say what is there. Delivers every
 * message once and in order, as soon as a replica shows it; the next read waits for the promise that `deliver` returns. A
 * rejection of it is the caller's bug and stops the watch.
 */
export function watchStream(
  options: WatchOptions,
  deliver: (messages: readonly StoredMessage[]) => void | Promise<void>,
): StreamWatch {
  const watch = new Watch(options, deliver);
  // The clock's: where a rejection ends the process.
  options.clock.schedule(0, () => watch.run());
  return watch;
}

class Watch implements StreamWatch {
  readonly #options: WatchOptions;
  readonly #deliver: (messages: readonly StoredMessage[]) => void | Promise<void>;
  readonly #announcements: Subscription;
  #nextSequence: number;
  /** The highest sequence that was announced. Not all up to there need come: what a leader had proposed may never be stored. */
  #announcedSequence = 0;
  #isStopped = false;
  #wake: (() => void) | undefined;

  constructor(options: WatchOptions, deliver: (messages: readonly StoredMessage[]) => void | Promise<void>) {
    this.#options = options;
    this.#deliver = deliver;
    this.#nextSequence = options.fromSequence;
    this.#announcements = options.broker.onStored(options.subject, ({ stream, sequence }) => {
      if (stream === options.stream) this.expect(sequence);
    });
  }

  expect(sequence: number): void {
    if (sequence < this.#nextSequence) return;
    this.#announcedSequence = Math.max(this.#announcedSequence, sequence);
    this.#wake?.();
  }

  stop(): void {
    this.#isStopped = true;
    this.#announcements.stop();
    this.#wake?.();
  }

  async run(): Promise<void> {
    const {
      broker,
      stream,
      subject,
      maxBytes,
      maxMessages,
      pollIntervalMs = POLL_INTERVAL_MS,
    } = this.#options;
    let catchUpMs = CATCH_UP_MS;
    let isDue = true;
    while (!this.#isStopped) {
      await this.#options.appendUnderWay?.();
      if (this.#isStopped) return;
      this.#nextSequence = Math.max(this.#nextSequence, (this.#options.knownThrough?.() ?? 0) + 1);
      if (!isDue && this.#announcedSequence < this.#nextSequence) {
        isDue = await this.#pause(pollIntervalMs);
        continue;
      }
      isDue = true;
      const outcome = await broker.read(stream, {
        fromSequence: this.#nextSequence,
        subject,
        maxBytes,
        maxMessages,
      });
      if (this.#isStopped) return;
      const newest = outcome.kind === "messages" ? outcome.messages.at(-1) : undefined;
      if (outcome.kind === "messages" && newest !== undefined) {
        this.#nextSequence = newest.sequence + 1;
        catchUpMs = CATCH_UP_MS;
        try {
          await this.#deliver(outcome.messages);
        } catch (error) {
          this.stop();
          throw error;
        }
        continue;
      }
      if (outcome.kind === "messages" && this.#announcedSequence < this.#nextSequence) {
        isDue = await this.#pause(pollIntervalMs);
        continue;
      }
      // It was announced, or nobody answered: the replica that answers next may be further.
      await this.#pause(Math.min(catchUpMs, pollIntervalMs));
      catchUpMs *= 2;
    }
  }

  /** Until the time has passed, which is true, or something is announced. */
  #pause(durationMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const end = (hasPassed: boolean): void => {
        this.#wake = undefined;
        timer.cancel();
        resolve(hasPassed);
      };
      const timer: Timer = this.#options.clock.schedule(durationMs, () => end(true));
      this.#wake = () => end(false);
    });
  }
}
