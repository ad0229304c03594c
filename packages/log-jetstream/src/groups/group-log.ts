/**
 * One log group, as one gateway sees and writes it: the stream of up to sixteen open shard logs. Any gateway may write at any time.
 * What keeps that safe is not who owns what but this protocol (proof in docs/internals/cluster.md):
 *
 * - **A1.** Every append is conditional on the stream's last sequence being the one up to which this gateway knows it.
 * - **A2.** One append is under way at a time, and counts only if it was stored exactly behind what is known.
 * - **A3.** After anything else, and before its first append, a gateway reads up to the leader's end and appends a *nothing* under the
 *   same condition. When that is stored, nothing of its own can come any more that it has not seen.
 * - **A4.** The first close of a log ends it; what stands behind it is void.
 *
 * While an append is under way the next one fills: entries of all logs of the group go together, as one atomic batch.
 */
import { type EncodedBatch, type EntryPlace, type PlacedOutcome, type ShardLogId } from "@millrace/log";
import type { MessageToPublish, PublishOutcome, StoredMessage } from "../broker/broker.ts";
import { untilDone } from "../state/until-done.ts";
import { gatherAppend } from "./gathering.ts";
import { encodeGroupMessage, type GroupMessage, ownGroupMessage } from "./group-message.ts";
import type { GroupLogOptions } from "./group-log-options.ts";
import { type GroupNames, groupNames } from "./group-names.ts";
import { applyDamaged, beginTails, passOver } from "./begin-tails.ts";
import { Following } from "./following.ts";
import { decodedMessage, intactMessage } from "./intact-message.ts";
import { GroupTurns } from "./group-turns.ts";
import { LogTails } from "./log-tails.ts";
import {
  type Knowledge,
  type Loan,
  type UnderWay,
  type Wanted,
  type WantedTurn,
  withoutOld,
} from "./wanted.ts";

/** How long something is waited for that a leader said was under way. */
const PROPOSED_PATIENCE_MS = 1_000;
const RETRY_DELAY_MS = 20;
const RETRY_DELAY_MS_MAX = 500;
const NO_PAYLOAD = Buffer.alloc(0);

export class GroupLog {
  readonly names: GroupNames;
  readonly #options: GroupLogOptions;
  readonly #tails: LogTails;
  #queue: (Wanted | WantedTurn)[] = [];
  #underWay: readonly UnderWay[] = [];
  #lastNumber = 0;
  #publishing: Promise<PublishOutcome> | undefined;
  /** Up to where everything was read, or was written here. */
  #knownSequence = 0;
  /** Up to where the stream has to be known for this gateway to find what it has had stored. */
  #ownSequence = 0;
  /** Whether all that this gateway ever sent is known to have come, or to come no more. */
  #isSettled = false;
  #isWriting = false;
  #opened: Promise<void> | undefined;
  #isOpen = false;
  readonly #following: Following;
  readonly #turns: GroupTurns;
  #whenKnown: (() => void)[] = [];
  #isClosed = false;

  constructor(group: number, options: GroupLogOptions) {
    this.names = groupNames(options.prefix, group);
    this.#options = options;
    this.#tails = new LogTails(options.cacheBytes, options.dropped);
    this.#following = new Following({
      ...options,
      stream: this.names.stream,
      subject: this.names.all,
      knownSequence: () => this.#knownSequence,
      known: (sequence) => this.#known(sequence),
      appendUnderWay: () => this.#publishing,
      deliver: (messages) => this.#deliver(messages),
      passOver: (newest) => this.#passOver(newest),
    });
    this.#turns = new GroupTurns({
      ...options,
      tell: (from) => this.#tails.knowledge(from, this.#knownSequence),
      learn: (knowledge) => this.#learn(knowledge),
    });
  }

  get tails(): LogTails {
    return this.#tails;
  }

  get queuedCount(): number {
    return this.#queue.length + this.#underWay.length;
  }

  get queuedBytes(): number {
    return this.#queue.reduce(
      (sum, wanted) => sum + (wanted.kind === "append" ? wanted.batch.byteLength : 0),
      0,
    );
  }

  /** Resolves when everything is known that was stored when this was called, or when nobody has said for too long how much that is. */
  async catchUp(): Promise<void> {
    await this.open();
    await this.#following.catchUp();
  }

  /**
   * For those who read here: has what is stored known within moments, for a while. Resolves when that was begun with all that there
   * is, as {@link catchUp} does; undefined when there is nothing to wait for.
   */
  follow(): Promise<void> | undefined {
    const beginning = this.#isOpen ? this.#following.keep() : this.open().then(() => this.#following.keep());
    return beginning === undefined ? this.#ownKnown() : beginning.then(() => this.#ownKnown());
  }

  /** Follows until whoever waits for news is told to stop. */
  hold(): () => void {
    let release: (() => void) | undefined;
    let isHeld = true;
    void (async () => {
      await this.follow();
      if (isHeld) release = this.#following.hold();
    })();
    return () => {
      isHeld = false;
      // Whoever waited looks again soon.
      if (release !== undefined) void this.#following.keep();
      release?.();
      release = undefined;
    };
  }

  /** Somebody else has stored something for us: whoever reads here from now on is to find it. */
  storedElsewhere(sequence: number): void {
    this.#ownSequence = Math.max(this.#ownSequence, sequence);
  }

  /** Undefined when everything is known that this gateway has had stored, by itself or by others. */
  #ownKnown(): Promise<void> | undefined {
    return this.#knownSequence >= this.#ownSequence ? undefined : this.#known(this.#ownSequence);
  }

  /** Up to where the stream is known. */
  get knownSequence(): number {
    return this.#knownSequence;
  }

  /** Makes the stream if there is none, and learns where its logs are. */
  open(): Promise<void> {
    this.#opened ??= this.#open();
    return this.#opened;
  }

  append(
    logId: ShardLogId,
    batch: EncodedBatch,
    { place, inTurn = false }: { readonly place?: EntryPlace | undefined; readonly inTurn?: boolean } = {},
  ): Promise<PlacedOutcome> {
    return new Promise((resolve) => {
      const sinceMs = this.#options.clock.monotonicMs();
      this.#want({ kind: "append", logId, batch, place, inTurn, sinceMs, resolve });
    });
  }

  /** The next append, for somebody else who knows the stream up to a sequence. Undefined when they had better do without. */
  lend(knownSequence: number): Promise<Loan | undefined> {
    // Two that take each other for the owner would wait for each other.
    if (this.#isClosed || this.#turns.isAsking) return Promise.resolve(undefined);
    return new Promise((resolve) => this.#want({ kind: "turn", knownSequence, resolve }));
  }

  /** Ends a log, unless it has ended; resolves to the index that its next entry would have got. */
  endLog(logId: ShardLogId): Promise<number> {
    return new Promise((resolve) => {
      this.#want({ kind: "close", logId, sinceMs: this.#options.clock.monotonicMs(), resolve });
    });
  }

  /** Stops. What is wanted still gets no outcome but "unknown". */
  close(): void {
    this.#isClosed = true;
    this.#following.stop();
    const left = [...this.#underWay.map(({ wanted }) => wanted), ...this.#queue];
    this.#queue = [];
    this.#underWay = [];
    for (const wanted of left) {
      if (wanted.kind === "append") wanted.resolve({ kind: "unknown", reason: "the gateway was closed" });
      else if (wanted.kind === "turn") wanted.resolve(undefined);
    }
    this.#wakeKnown();
  }

  async #open(): Promise<void> {
    const { broker, clock, replicas } = this.#options;
    const { stream, all } = this.names;
    await untilDone(clock, () =>
      broker.createStream({ name: stream, subjects: [all], replicas, announced: true }),
    );
    // The newest message of every subject, from one replica: together they say all about a prefix that ends with the newest of them.
    for (;;) {
      const outcome = await broker.lastBySubjects(stream, [all]);
      if (outcome.kind === "messages") {
        if (await beginTails(this.#beginOptions, outcome.messages)) {
          this.#knownSequence = outcome.messages.at(-1)?.sequence ?? 0;
          break;
        }
      }
      if (this.#isClosed) return;
      await clock.sleep(RETRY_DELAY_MS_MAX);
    }
    this.#isOpen = true;
  }

  get #beginOptions() {
    return { ...this.#options, names: this.names, tails: this.#tails };
  }

  /** What is known of the logs is what these messages say. */
  async #passOver(newest: readonly StoredMessage[]): Promise<void> {
    const sequence = newest.at(-1)?.sequence ?? 0;
    // What was sent from here and has no outcome yet may be among what would be passed over.
    const isWanted = (): boolean =>
      sequence > this.#knownSequence && this.#underWay.length === 0 && !this.#isClosed;
    const changed = await passOver(this.#beginOptions, newest, isWanted);
    if (changed !== undefined) this.#skipTo(sequence, changed);
  }

  /** All is known up to a sequence, without having been read one by one. */
  #skipTo(sequence: number, changed: Iterable<ShardLogId>): void {
    this.#knownSequence = sequence;
    for (const logId of changed) this.#options.onEntry(logId);
    this.#wakeKnown();
  }

  #want(wanted: Wanted | WantedTurn): void {
    this.#queue.push(wanted);
    // It does not wait for other gateways.
    if (wanted.kind === "close") this.#turns.stopAsking();
    if (this.#isWriting) return;
    this.#isWriting = true;
    this.#options.clock.soon(() => void this.#write());
  }

  async #write(): Promise<void> {
    await this.open();
    // What is under way here after an append has an unknown outcome, which nobody else would find out.
    while ((this.#queue.length > 0 || this.#underWay.length > 0) && !this.#isClosed) await this.#writeOnce();
    this.#isWriting = false;
  }

  /** One append of what is wanted now, in turn where others are to have theirs. */
  async #writeOnce(): Promise<void> {
    const [first] = this.#queue;
    const loan = first?.kind === "append" && first.inTurn ? await this.#borrow() : undefined;
    if (!this.#isSettled) await this.#settle();
    const next = this.#queue[0];
    if (next?.kind === "turn" && loan === undefined) {
      this.#queue.shift();
      await this.#turns.lend(next);
    } else await this.#writeNext();
    if (loan !== undefined) this.#turns.end(loan, this.#isSettled);
  }

  #borrow(): Promise<Loan | undefined> {
    // Who waits for this gateway's turn meanwhile would wait for the one that this one waits for.
    for (const wanted of this.#queue) if (wanted.kind === "turn") wanted.resolve(undefined);
    this.#queue = this.#queue.filter(({ kind }) => kind !== "turn");
    return this.#turns.borrow(this.#knownSequence);
  }

  async #writeNext(): Promise<void> {
    const taken = this.#options.slots.take();
    const slot = taken instanceof Promise ? await taken : taken;
    const { messages, underWay } = this.#gather();
    if (messages.length === 0) return slot.unused();
    this.#underWay = underWay;
    const expected = this.#knownSequence;
    this.#publishing = this.#publish(messages, expected);
    const outcome = await this.#publishing;
    this.#publishing = undefined;
    slot.over();
    if (outcome.kind === "stored" && outcome.sequence === expected + messages.length) {
      for (const [at, { payload }] of messages.entries()) {
        const sequence = expected + 1 + at;
        // It may have been read before its acknowledgement came.
        if (sequence > this.#knownSequence) this.#know(ownGroupMessage(payload), sequence);
      }
      return;
    }
    if (outcome.kind === "wrong-sequence") {
      // Surely not stored, and nothing else is under way: it is enough to know more.
      this.#putBack();
      await this.#catchUp(outcome.lastSequence);
      return;
    }
    if (outcome.kind === "refused") {
      this.#putBack();
      await this.#waitAfter(outcome);
    }
    this.#isSettled = false;
  }

  /**
   * Goes on by what another gateway knows, which is as good as reading it: what a prefix says of its logs is the same for everybody.
   * Whoever has readers reads all the same, since they are waiting for the entries. Tells whether all of it is known now.
   */
  async #learn({ sequence, logs }: Knowledge): Promise<boolean> {
    if (this.#following.isNeeded) await this.#catchUp(sequence);
    if (sequence <= this.#knownSequence) return true;
    // What was sent from here and has no outcome yet may be among it.
    if (this.#following.isNeeded || this.#underWay.length > 0 || this.#isClosed) return false;
    const changed = logs.filter((log) => this.#tails.learn(log));
    this.#skipTo(
      sequence,
      changed.map(({ logId }) => logId),
    );
    return true;
  }

  /**
   * Up to what a leader has proposed, where it said so. What was proposed may never be stored, and then nobody would hear of it: it
   * is waited for only for a while.
   */
  async #catchUp(proposedSequence: number | undefined): Promise<void> {
    const { broker, clock } = this.#options;
    if (proposedSequence !== undefined) {
      await Promise.race([this.#known(proposedSequence), clock.sleep(PROPOSED_PATIENCE_MS)]);
      return;
    }
    const described = await broker.describeStream(this.names.stream);
    if (described.kind === "stream") await this.#known(described.stream.lastSequence);
  }

  /** Rule A3. */
  async #settle(): Promise<void> {
    const { broker, clock, session } = this.#options;
    let delayMs = RETRY_DELAY_MS;
    while (!this.#isClosed) {
      this.#giveUpOld();
      const described = await broker.describeStream(this.names.stream);
      if (described.kind === "stream") {
        const { lastSequence } = described.stream;
        await this.#known(lastSequence);
        const expected = this.#knownSequence;
        this.#lastNumber += 1;
        const nothing: GroupMessage = {
          ...{ kind: "nothing", session, number: this.#lastNumber, logId: 0, index: 0, arrivalMs: 0 },
          ...{ recordCount: 0, part: 0, partCount: 1, payload: NO_PAYLOAD },
        };
        const outcome = await broker.publish(
          this.names.stream,
          this.names.nothing,
          encodeGroupMessage(nothing),
          {
            lastSequence: expected,
          },
        );
        if (outcome.kind === "stored" && outcome.sequence === expected + 1) {
          // It may have been read before its acknowledgement came, and more behind it.
          if (outcome.sequence > this.#knownSequence) this.#know(nothing, outcome.sequence);
          this.#putBack();
          this.#isSettled = true;
          return;
        }
        if (outcome.kind === "wrong-sequence") {
          // Somebody else was quicker: there is more to read.
          await this.#catchUp(outcome.lastSequence);
          continue;
        }
      }
      await clock.sleep(delayMs);
      delayMs = Math.min(delayMs * 2, RETRY_DELAY_MS_MAX);
    }
  }

  /** What is wanted next, as messages. What needs none gets its outcome. */
  #gather(): { readonly messages: MessageToPublish[]; readonly underWay: UnderWay[] } {
    const { session, serviceClock } = this.#options;
    const gathered = gatherAppend(this.#queue, this.#tails, {
      ...{ names: this.names, session, nowMs: () => serviceClock.nowMs() },
      nextNumber: () => (this.#lastNumber += 1),
    });
    this.#queue.splice(0, gathered.takenCount);
    return gathered;
  }

  #publish(messages: readonly MessageToPublish[], lastSequence: number): Promise<PublishOutcome> {
    const { broker } = this.#options;
    const [only] = messages;
    if (messages.length > 1) return broker.publishBatch(this.names.stream, messages, { lastSequence });
    return broker.publish(this.names.stream, only!.subject, only!.payload, { lastSequence });
  }

  /** What was under way and did not come is wanted again, before everything else. */
  #putBack(): void {
    const again = this.#underWay.map(({ wanted }) => wanted);
    this.#underWay = [];
    // Of a log that is no more it may have come and been purged since.
    const isGone = (wanted: Wanted): boolean =>
      wanted.kind === "append" && this.#tails.isDropped(wanted.logId);
    for (const wanted of again) {
      if (wanted.kind === "append" && isGone(wanted))
        wanted.resolve({ kind: "unknown", reason: "the shard was removed meanwhile" });
    }
    this.#queue = [...again.filter((wanted) => !isGone(wanted)), ...this.#queue];
  }

  async #waitAfter({ cause, reason }: Extract<PublishOutcome, { kind: "refused" }>): Promise<void> {
    const { clock, crash } = this.#options;
    if (cause === "too-large")
      crash(`an append to ${this.names.stream} is too large for the cluster: ${reason}`);
    if (cause === "full") {
      const queue = this.#queue;
      this.#queue = [];
      for (const wanted of queue) {
        if (wanted.kind === "append")
          wanted.resolve({ kind: "read-only", reason: `the cluster is full: ${reason}` });
        else this.#queue.push(wanted);
      }
    }
    await clock.sleep(RETRY_DELAY_MS_MAX);
  }

  /** Whoever has waited for too long hears that nobody knows; a close goes on. */
  #giveUpOld(): void {
    const { clock, holdMs } = this.#options;
    const left = withoutOld(this.#queue, this.#underWay, {
      oldestMs: clock.monotonicMs() - holdMs,
      reason: `the cluster could not be written for ${holdMs} ms`,
    });
    this.#queue = left.queue;
    this.#underWay = left.underWay;
  }

  #deliver(messages: readonly StoredMessage[]): void | Promise<void> {
    for (const [at, message] of messages.entries()) {
      if (message.sequence <= this.#knownSequence) continue;
      if (message.sequence > this.#knownSequence + 1) this.#tails.purgedThrough(message.sequence - 1);
      const decoded = decodedMessage(this.names.stream, message);
      if (decoded === undefined) return this.#deliverDamaged(message, messages.slice(at + 1));
      this.#know(decoded, message.sequence);
    }
  }

  async #deliverDamaged(stored: StoredMessage, more: readonly StoredMessage[]): Promise<void> {
    const { broker, clock, log, onEntry } = this.#options;
    const message = await intactMessage(broker, clock, this.names.stream, stored);
    if (stored.sequence > this.#knownSequence && !this.#isClosed) {
      if (message !== undefined) this.#know(message, stored.sequence);
      else {
        this.#knownSequence = stored.sequence;
        const logId = applyDamaged(log, this.names, this.#tails, stored);
        if (logId !== undefined) onEntry(logId);
        this.#wakeKnown();
      }
    }
    await this.#deliver(more);
  }

  /** Goes on by one message, wherever it came from. */
  #know(message: GroupMessage, sequence: number): void {
    this.#knownSequence = sequence;
    let hasChanged: boolean;
    try {
      hasChanged = this.#tails.apply(message, sequence, this.#following.isNeeded);
    } catch (error) {
      this.#options.crash(`stream ${this.names.stream} cannot be followed`, error);
    }
    if (hasChanged && message.kind === "entry") this.#options.onEntry(message.logId);
    const isOwn = message.session === this.#options.session;
    if (isOwn && (hasChanged || this.#tails.isDropped(message.logId))) this.#arrived(message);
    this.#wakeKnown();
  }

  /** Something of our own is in the log, in its place. */
  #arrived({ number }: GroupMessage): void {
    const own = this.#underWay.find((candidate) => candidate.number === number);
    if (own === undefined) return;
    this.#underWay = this.#underWay.filter((candidate) => candidate !== own);
    const { wanted, index, arrivalMs } = own;
    if (wanted.kind === "close") wanted.resolve(index);
    else wanted.resolve({ kind: "appended", index, arrivalMs });
  }

  /** Resolves when everything up to a sequence is known; it is read for that. */
  async #known(sequence: number): Promise<void> {
    if (this.#knownSequence >= sequence || this.#isClosed) return;
    const release = this.#following.hold(sequence);
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (this.#knownSequence >= sequence || this.#isClosed) resolve();
        else this.#whenKnown.push(look);
      };
      look();
    });
    release();
  }

  #wakeKnown(): void {
    for (const wake of this.#whenKnown.splice(0)) wake();
  }
}
