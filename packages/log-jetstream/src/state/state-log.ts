/**
 * The state of a cluster as one stream of messages, and this gateway's copy of it. What a gateway asks for is appended, without
 * a condition and as often as it takes until it is there; what comes of it the {@link StateMachine} says, here as everywhere.
 *
 * One message of a session is under way at a time, and holds all that was asked for while the one before it was. So the stream has
 * what a session asked for in its order, however often a message was sent.
 */
import type { CommitOutcome, StateChange } from "@millrace/log";
import type { Clock, Logger, Random } from "@millrace/runtime";
import type { Broker, PublishOutcome, StoredMessage, Subscription } from "../broker/broker.ts";
import { watchStream } from "../broker/watch-stream.ts";
import { DocumentReader, encodeDocument } from "./message-codec.ts";
import type { CloseOperation, LogEnd, StateItem, StateMachine, StateMessage } from "./state-machine.ts";
import { loadSnapshot, SnapshotStore } from "./snapshot-store.ts";
import { lastSequenceOf, untilDone } from "./until-done.ts";

export interface StateLogOptions {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Ends the process: this gateway cannot go on with what it knows. */
  readonly crash: (reason: string, cause?: unknown) => never;
  readonly replicas: number;
  /** Before all names of streams and subjects. */
  readonly prefix: string;
}

/** What the engine is told, in order, after it took effect here. */
export interface StateLogListener {
  changed(change: StateChange, revision: number): void;
  closing(operation: CloseOperation): void;
}

/** How long somebody waits for an outcome before it is told to be unknown. What was asked for goes on all the same. */
const PATIENCE_MS = 30_000;
const RETRY_DELAY_MS = 50;
const RETRY_DELAY_MS_MAX = 1_000;
const ITEMS_PER_MESSAGE_MAX = 500;
const READ_BYTES = 4 << 20;
const READ_MESSAGES = 500;

interface Asked {
  readonly item: StateItem;
  readonly resolve: (outcome: CommitOutcome) => void;
}

export class StateLog {
  readonly machine: StateMachine;
  readonly session: string;
  /** Where in the stream this session began: no other has the same. */
  joinSequence = 0;
  readonly #options: StateLogOptions;
  readonly #stream: string;
  readonly #subject: string;
  readonly #snapshots: SnapshotStore;
  readonly #listener: StateLogListener;
  readonly #documents = new DocumentReader();
  readonly #pending = new Map<number, Asked>();
  #queue: Asked[] = [];
  #nextNumber = 0;
  #isSending = false;
  #appliedSequence: number;
  /** Up to which messages make whole documents. */
  #wholeSequence: number;
  #messagesSinceSnapshot = 0;
  #watch: Subscription | undefined;
  #whenApplied: (() => void)[] = [];
  #isClosed = false;

  private constructor(
    options: StateLogOptions,
    listener: StateLogListener,
    snapshots: SnapshotStore,
    machine: StateMachine,
    appliedSequence: number,
  ) {
    this.#options = options;
    this.#listener = listener;
    this.#snapshots = snapshots;
    this.machine = machine;
    this.#appliedSequence = appliedSequence;
    this.#wholeSequence = appliedSequence;
    this.session = Buffer.from(options.random.bytes(8)).toString("hex");
    this.#stream = `${options.prefix}_state`;
    this.#subject = `${options.prefix}.state`;
  }

  /** Joins the cluster: resolves when this gateway knows everything that was in the state before it came. */
  static async join(options: StateLogOptions, listener: StateLogListener): Promise<StateLog> {
    const { prefix, replicas } = options;
    const snapshots = new SnapshotStore(options);
    await untilDone(options.clock, () =>
      options.broker.createStream({
        name: `${prefix}_state`,
        subjects: [`${prefix}.state`],
        replicas,
        announced: true,
      }),
    );
    await snapshots.create();
    const { machine, sequence } = await loadSnapshot(options);
    const state = new StateLog(options, listener, snapshots, machine, sequence);
    state.#follow();
    await state.#ask({ kind: "join" });
    return state;
  }

  commit(change: StateChange): Promise<CommitOutcome> {
    return this.#ask({ kind: "change", change });
  }

  /**
   * Resolves when everything that was in the state when this was called is known, or when nobody has said for too long how much
   * that is; to whether there was news.
   */
  async refresh(): Promise<boolean> {
    const before = this.#appliedSequence;
    const { broker, clock } = this.#options;
    const lastSequence = await lastSequenceOf(broker, clock, this.#stream, PATIENCE_MS, () => this.#isClosed);
    if (lastSequence !== undefined) await this.#applied(lastSequence);
    return this.#appliedSequence > before;
  }

  /** How far the state is known, as a place in its stream. */
  get appliedSequence(): number {
    return this.#appliedSequence;
  }

  /** Whether the state is known up to a place; looks for more where it is not. */
  async knows(sequence: number): Promise<boolean> {
    if (this.#appliedSequence < sequence) await this.refresh();
    return this.#appliedSequence >= sequence;
  }

  /** Tells where the logs of an operation ended. */
  finish(operation: number, ends: readonly LogEnd[]): Promise<CommitOutcome> {
    return this.#ask({ kind: "finish", operation, ends });
  }

  /** Stops following. What is under way gets no outcome here any more. */
  close(): void {
    this.#isClosed = true;
    this.#watch?.stop();
    const left = [...this.#pending.values(), ...this.#queue];
    this.#pending.clear();
    this.#queue = [];
    for (const { resolve } of left) resolve({ kind: "unknown", reason: "the gateway was closed" });
  }

  #ask(item: StateItem): Promise<CommitOutcome> {
    if (this.#isClosed) return Promise.resolve({ kind: "read-only", reason: "the gateway is closed" });
    return new Promise((resolve) => {
      const patience = this.#options.clock.schedule(PATIENCE_MS, () =>
        resolve({ kind: "unknown", reason: `the cluster did not answer within ${PATIENCE_MS} ms` }),
      );
      this.#queue.push({
        item,
        resolve: (outcome) => {
          patience.cancel();
          resolve(outcome);
        },
      });
      if (!this.#isSending) {
        this.#isSending = true;
        this.#options.clock.soon(() => void this.#send());
      }
    });
  }

  async #send(): Promise<void> {
    while (this.#queue.length > 0 && !this.#isClosed) {
      const some = this.#queue.splice(0, ITEMS_PER_MESSAGE_MAX);
      const number = this.#nextNumber;
      this.#nextNumber += some.length;
      for (const [at, asked] of some.entries()) this.#pending.set(number + at, asked);
      await this.#store({ session: this.session, number, items: some.map(({ item }) => item) });
    }
    this.#isSending = false;
  }

  /** Resolves when the message is in the stream and took effect here. */
  async #store(message: StateMessage): Promise<void> {
    const payloads = encodeDocument(message);
    const end = message.number + message.items.length;
    let delayMs = RETRY_DELAY_MS;
    while (!this.#isClosed && this.machine.nextNumberOf(this.session) < end) {
      const outcome = await this.#publish(payloads);
      if (outcome.kind === "stored") {
        if (message.items[0]?.kind === "join" && this.joinSequence === 0)
          this.joinSequence = outcome.sequence;
        await this.#applied(outcome.sequence);
        continue;
      }
      if (outcome.kind === "refused" && outcome.cause === "too-large") {
        this.#options.crash("a message of the cluster's state is too large for its servers", outcome);
      }
      // Meanwhile it may show that it was stored all the same.
      await this.#options.clock.sleep(delayMs);
      delayMs = Math.min(delayMs * 2, RETRY_DELAY_MS_MAX);
    }
  }

  #publish(payloads: readonly Buffer[]): Promise<PublishOutcome> {
    const { broker } = this.#options;
    const [only] = payloads;
    if (payloads.length === 1) return broker.publish(this.#stream, this.#subject, only!);
    return broker.publishBatch(
      this.#stream,
      payloads.map((payload) => ({ subject: this.#subject, payload })),
    );
  }

  #applied(sequence: number): Promise<void> {
    if (this.#appliedSequence >= sequence || this.#isClosed) return Promise.resolve();
    return new Promise((resolve) => {
      const look = (): void => {
        if (this.#appliedSequence >= sequence || this.#isClosed) resolve();
        else this.#whenApplied.push(look);
      };
      look();
    });
  }

  #follow(): void {
    this.#watch = watchStream(
      {
        broker: this.#options.broker,
        clock: this.#options.clock,
        stream: this.#stream,
        subject: this.#subject,
        fromSequence: this.#appliedSequence + 1,
        maxBytes: READ_BYTES,
        maxMessages: READ_MESSAGES,
      },
      (messages) => this.#deliver(messages),
    );
  }

  #deliver(messages: readonly StoredMessage[]): void {
    for (const message of messages) this.#apply(message);
    for (const wake of this.#whenApplied.splice(0)) wake();
    if (this.#messagesSinceSnapshot < this.#snapshots.messagesBetween) return;
    this.#messagesSinceSnapshot = 0;
    this.#snapshots.offer(this.machine, this.#wholeSequence);
  }

  #apply({ sequence, payload }: StoredMessage): void {
    if (sequence !== this.#appliedSequence + 1) {
      this.#options.crash(
        `the cluster's state went on from message ${this.#appliedSequence} to ${sequence} without this gateway`,
      );
    }
    this.#appliedSequence = sequence;
    this.#messagesSinceSnapshot += 1;
    let document: unknown;
    try {
      document = this.#documents.next(payload, `message ${sequence} of stream ${this.#stream}`);
    } catch (error) {
      this.#options.crash("the cluster's state cannot be read", error);
    }
    if (document === undefined) return;
    this.#wholeSequence = sequence;
    const message = document as StateMessage;
    for (const effect of this.machine.apply(message)) {
      if (effect.kind === "changed") this.#listener.changed(effect.change, effect.revision);
      else if (effect.kind === "closing") this.#listener.closing(effect.operation);
      else if (effect.session === this.session) {
        this.#pending.get(effect.number)?.resolve(effect.outcome);
        this.#pending.delete(effect.number);
      }
    }
  }
}
