/**
 * The state of a cluster as a whole, as of one message of its stream, so that a gateway that joins need not read all there ever was.
 * A snapshot is one atomic batch; the newest one counts, and the ones before it are forgotten, as is what it stands for.
 */
import type { PublishOutcome } from "../broker/broker.ts";
import { DocumentReader, encodeDocument } from "./message-codec.ts";
import { StateMachine, type StateSnapshot } from "./state-machine.ts";
import type { StateLogOptions } from "./state-log.ts";
import { untilDone } from "./until-done.ts";

interface KeptSnapshot {
  /** Of the last message that is in it. */
  readonly sequence: number;
  readonly snapshot: StateSnapshot;
}

/** Messages between two snapshots. */
const MESSAGES_BETWEEN = 2_000;
/** Messages before a snapshot that are kept for gateways that are behind. */
const MESSAGES_KEPT = 10_000;
const READ_BYTES = 8 << 20;
const READ_MESSAGES = 64;
const RETRY_DELAY_MS = 100;

export class SnapshotStore {
  readonly messagesBetween = MESSAGES_BETWEEN;
  readonly #options: StateLogOptions;
  readonly #stream: string;
  readonly #subject: string;
  #isWriting = false;

  constructor(options: StateLogOptions) {
    this.#options = options;
    this.#stream = `${options.prefix}_snapshots`;
    this.#subject = `${options.prefix}.snapshot`;
  }

  create(): Promise<void> {
    const { broker, clock, replicas } = this.#options;
    return untilDone(clock, () =>
      broker.createStream({ name: this.#stream, subjects: [this.#subject], replicas }),
    );
  }

  /** Writes a snapshot, unless one is being written. That it fails does no harm: there will be another. */
  offer(machine: StateMachine, sequence: number): void {
    if (this.#isWriting) return;
    this.#isWriting = true;
    const kept: KeptSnapshot = { sequence, snapshot: machine.snapshot() };
    this.#write(kept).then(
      () => (this.#isWriting = false),
      (error: unknown) => {
        this.#isWriting = false;
        this.#options.log.warn("a snapshot of the cluster's state was not written", { cause: String(error) });
      },
    );
  }

  async #write(kept: KeptSnapshot): Promise<void> {
    const { broker, prefix } = this.#options;
    const payloads = encodeDocument(kept);
    const outcome: PublishOutcome = await broker.publishBatch(
      this.#stream,
      payloads.map((payload) => ({ subject: this.#subject, payload })),
    );
    if (outcome.kind !== "stored") throw new Error(`the snapshot: ${outcome.kind}`);
    await broker.purge(this.#stream, { belowSequence: outcome.sequence - payloads.length + 1 });
    const belowSequence = kept.sequence - MESSAGES_KEPT;
    if (belowSequence > 1) await broker.purge(`${prefix}_state`, { belowSequence });
  }
}

/** The newest snapshot there is, or a state in which nothing is. */
export async function loadSnapshot(
  options: StateLogOptions,
): Promise<{ readonly machine: StateMachine; readonly sequence: number }> {
  const { broker, clock, prefix } = options;
  const stream = `${prefix}_snapshots`;
  for (;;) {
    let newest: KeptSnapshot | undefined;
    let documents = new DocumentReader();
    let fromSequence = 1;
    let isWhole = false;
    while (!isWhole) {
      const outcome = await broker.read(stream, {
        fromSequence,
        maxBytes: READ_BYTES,
        maxMessages: READ_MESSAGES,
      });
      if (outcome.kind === "unavailable") break;
      for (const { sequence, payload } of outcome.messages) {
        // What is missing was forgotten meanwhile, because there is a newer one.
        if (sequence !== fromSequence) documents = new DocumentReader();
        fromSequence = sequence + 1;
        const document = documents.next(payload, `message ${sequence} of stream ${stream}`);
        if (document !== undefined) newest = document as KeptSnapshot;
      }
      isWhole = outcome.ended;
    }
    if (isWhole && newest === undefined) return { machine: new StateMachine(), sequence: 0 };
    if (isWhole && newest !== undefined) {
      return { machine: StateMachine.from(newest.snapshot), sequence: newest.sequence };
    }
    await clock.sleep(RETRY_DELAY_MS);
  }
}
