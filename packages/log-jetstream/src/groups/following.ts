import type { Clock, Timer } from "@millrace/runtime";
import type { Broker, StoredMessage } from "../broker/broker.ts";
import { type StreamWatch, watchStream } from "../broker/watch-stream.ts";
import { lastSequenceOf } from "../state/until-done.ts";

export interface FollowingOptions {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly stream: string;
  readonly subject: string;
  /** How long it goes on after somebody read here, in milliseconds. */
  readonly quietMs: number;
  /** How long a leader is waited for that says how much there is, in milliseconds. */
  readonly holdMs: number;
  /** Up to where the stream is known here. */
  readonly knownSequence: () => number;
  /** Resolves when it is known up to there. */
  readonly known: (sequence: number) => Promise<void>;
  readonly appendUnderWay: () => Promise<unknown> | undefined;
  readonly deliver: (messages: readonly StoredMessage[]) => void | Promise<void>;
  /** What lies behind what is known may be passed over: these are the newest messages of all subjects. */
  readonly passOver: (newest: readonly StoredMessage[]) => Promise<void>;
}

const READ_BYTES = 4 << 20;
const READ_MESSAGES = 1_000;
/** Who is behind by more messages than this has the newest of each log instead of all: a group has as many open logs. */
const READ_ALL_MESSAGES = 16;

/**
 * Reads the stream of a log group while somebody here needs it, and leaves it alone otherwise: what everybody wrote would come to every
 * gateway. What was known before stays known, since it is a prefix of the stream; whoever needs more asks the leader how much there is.
 */
export class Following {
  readonly #options: FollowingOptions;
  #watch: StreamWatch | undefined;
  /** Up to where somebody waits for what is stored. */
  #expectedSequence = 0;
  #holdCount = 0;
  #neededUntilMs = -Infinity;
  #quietTimer: Timer | undefined;
  #isBeginning = false;
  /** Whether all was known that there was when this began. */
  #isCurrent = false;
  #becoming: Promise<void> | undefined;
  #asking: Promise<number | undefined> | undefined;
  #isStopped = false;

  constructor(options: FollowingOptions) {
    this.#options = options;
  }

  /** Whether somebody reads here, or did a moment ago. */
  get isNeeded(): boolean {
    return this.#holdCount > 0 || this.#neededUntilMs > this.#options.clock.monotonicMs();
  }

  /** Resolves when all is known that is stored now, or when nobody has said for too long how much that is. */
  async catchUp(): Promise<void> {
    const lastSequence = await this.#askLeader();
    if (lastSequence !== undefined) await this.#options.known(lastSequence);
  }

  /** Goes on for a while. Resolves when all is known that is stored now; undefined when what is stored is known within moments. */
  keep(): Promise<void> | undefined {
    if (this.#isStopped) return undefined;
    this.#neededUntilMs = this.#options.clock.monotonicMs() + this.#options.quietMs;
    if (this.#isCurrent) return undefined;
    this.#becoming ??= this.#become().finally(() => (this.#becoming = undefined));
    return this.#becoming;
  }

  /** Goes on until it is let go. `towards`: how far it has to be read, where that is known. */
  hold(towards = 0): () => void {
    this.#holdCount += 1;
    this.#expectedSequence = Math.max(this.#expectedSequence, towards);
    this.#watch?.expect(towards);
    this.#begin(towards);
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#holdCount -= 1;
      this.#endUnneeded();
    };
  }

  stop(): void {
    this.#isStopped = true;
    this.#end();
  }

  async #become(): Promise<void> {
    let lastSequence = await this.#lastSequence(0);
    // Replicas answer without a leader, too.
    const release = this.hold(lastSequence);
    try {
      lastSequence ??= await this.#askLeader();
      if (lastSequence === undefined) return;
      await this.#options.known(lastSequence);
      this.#isCurrent = this.#watch !== undefined || this.#isBeginning;
    } finally {
      release();
    }
  }

  /** Those who ask in one turn ask once. */
  #askLeader(): Promise<number | undefined> {
    const { clock, holdMs } = this.#options;
    this.#asking ??= new Promise((resolve) => {
      clock.soon(() => {
        this.#asking = undefined;
        resolve(this.#lastSequence(holdMs));
      });
    });
    return this.#asking;
  }

  /** How far the leader has the stream. */
  #lastSequence(withinMs: number): Promise<number | undefined> {
    const { broker, clock, stream } = this.#options;
    return lastSequenceOf(broker, clock, stream, withinMs, () => this.#isStopped);
  }

  #begin(towards: number): void {
    if (this.#watch !== undefined || this.#isBeginning || this.#isStopped) return;
    if (towards - this.#options.knownSequence() <= READ_ALL_MESSAGES) {
      this.#watchOn();
      return;
    }
    this.#isBeginning = true;
    // The clock's: where a rejection ends the process.
    this.#options.clock.schedule(0, async () => {
      await this.#passOver();
      this.#isBeginning = false;
      if (this.#isStopped) return;
      this.#watchOn();
      this.#endUnneeded();
    });
  }

  async #passOver(): Promise<void> {
    const { broker, stream, subject, passOver } = this.#options;
    const newest = await broker.lastBySubjects(stream, [subject]);
    if (newest.kind === "messages" && !this.#isStopped) await passOver(newest.messages);
  }

  #watchOn(): void {
    const { knownSequence } = this.#options;
    this.#watch = watchStream(
      {
        ...this.#options,
        fromSequence: knownSequence() + 1,
        maxBytes: READ_BYTES,
        maxMessages: READ_MESSAGES,
        knownThrough: knownSequence,
      },
      this.#options.deliver,
    );
    // Its announcement has come and gone.
    this.#watch.expect(this.#expectedSequence);
  }

  #endUnneeded(): void {
    if (this.#holdCount > 0 || this.#isBeginning || this.#watch === undefined) return;
    const leftMs = this.#neededUntilMs - this.#options.clock.monotonicMs();
    if (leftMs <= 0) {
      this.#end();
      return;
    }
    this.#quietTimer ??= this.#options.clock.schedule(leftMs, () => {
      this.#quietTimer = undefined;
      this.#endUnneeded();
    });
  }

  #end(): void {
    this.#quietTimer?.cancel();
    this.#quietTimer = undefined;
    this.#watch?.stop();
    this.#watch = undefined;
    this.#isCurrent = false;
  }
}
