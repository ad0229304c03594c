/**
 * The log engine on a JetStream cluster. Any number of gateways hold one each, over the same streams; none of them has a disk, and
 * none of them is needed.
 */
import type {
  AppendOutcome,
  CommitOutcome,
  EncodedBatch,
  EngineStatistics,
  EntryPlace,
  LogEngine,
  Peers,
  PlacedOutcome,
  ReadLimits,
  ReadOutcome,
  ShardLogBounds,
  ShardLogId,
  StateChange,
  StateStore,
  StoredEntry,
} from "@millrace/log";
import { LogListeners } from "@millrace/log";
import type { Timer } from "@millrace/runtime";
import { Asking } from "./gateways/asking.ts";
import { type Appended, Forwarding } from "./gateways/forwarding.ts";
import { GatewayPeers } from "./gateways/gateway-peers.ts";
import { Presence } from "./gateways/presence.ts";
import { Turns } from "./gateways/turns.ts";
import { AppendSlots } from "./groups/append-slots.ts";
import { GroupLog } from "./groups/group-log.ts";
import { GroupReader, within } from "./groups/group-reader.ts";
import { Purging } from "./groups/purging.ts";
import type { JetStreamEngineOptions } from "./jetstream-engine-options.ts";
import { StateLog } from "./state/state-log.ts";
import type { CloseOperation } from "./state/state-machine.ts";

/** As {@link Appended}, of an entry that may have a place. */
interface Placed {
  readonly outcome: PlacedOutcome;
  readonly sequence: number;
}

/** So many logs may be made in one session: ids of a session begin with its place in the stream of the state. */
const LOG_IDS_PER_SESSION = 2 ** 20;
/** After which another gateway does what the one that asked for it has not done. */
const OPERATION_PATIENCE_MS = 5_000;
const PURGE_PERIOD_MS = 10 * 60_000;
/** Groups whose logs a gateway gets to know at its start; others when they are asked for. */
const GROUPS_AT_START_MAX = 64;

/** Joins the cluster; resolves when this gateway knows what was there before it came. */
export async function joinCluster(options: JetStreamEngineOptions): Promise<LogEngine> {
  const engine = new JetStreamEngine(options);
  await engine.join();
  return engine;
}

class JetStreamEngine implements LogEngine {
  readonly state: StateStore;
  readonly #options: Required<JetStreamEngineOptions>;
  readonly #reader: GroupReader;
  readonly #groups = new Map<number, GroupLog>();
  readonly #slots: AppendSlots;
  readonly #stateListeners = new Set<(change: StateChange, revision: number) => void>();
  readonly #logListeners = new LogListeners();
  /** Logs that a change asked for here closes: what comes meanwhile waits for its outcome. */
  readonly #closing = new Map<ShardLogId, Promise<unknown>>();
  /** What is still to be read of them in their groups, or was about to be written, is void: their numbers would begin anew. */
  readonly #dropped = new Set<ShardLogId>();
  #stateLog: StateLog | undefined;
  #purging: Purging | undefined;
  #presence: Presence | undefined;
  #asking: Asking | undefined;
  #turns: Turns | undefined;
  #forwarding: Forwarding | undefined;
  #peers: Peers | undefined;
  #purgeTimer: Timer | undefined;
  #issuedLogIds = 0;
  #isClosed = false;
  #commits = 0;
  #writtenBytes = 0;
  #newestArrivalMs = 0;

  constructor(options: JetStreamEngineOptions) {
    this.#options = {
      ...options,
      name: options.name ?? "gateway",
      version: options.version ?? "unknown",
      prefix: options.prefix ?? "millrace",
      replicas: options.replicas ?? 3,
      cacheBytes: options.cacheBytes ?? 8 << 20,
      holdMs: options.holdMs ?? 30_000,
      quietMs: options.quietMs ?? 5_000,
      turnBytesMin: options.turnBytesMin ?? 128 << 10,
      appendCount: options.appendCount ?? 16,
    };
    this.#slots = new AppendSlots(options.clock, this.#options.appendCount);
    this.#reader = new GroupReader(options.broker, options.clock);
    this.state = {
      get: (key) => this.#machine.get(key),
      list: (prefix) => this.#machine.list(prefix),
      commit: (change) => this.#commit(change),
      watch: (listener) => {
        this.#stateListeners.add(listener);
        return () => this.#stateListeners.delete(listener);
      },
      refresh: () => this.#joined.refresh(),
    };
  }

  async join(): Promise<void> {
    this.#stateLog = await StateLog.join(this.#options, {
      changed: (change, revision) => this.#changed(change, revision),
      closing: (operation) => this.#onClosing(operation),
    });
    for (const operation of this.#machine.operations.values()) this.#onClosing(operation);
    const groups = [...this.#machine.groups.keys()].slice(0, GROUPS_AT_START_MAX);
    await Promise.all(groups.map((group) => this.#group(group).open()));
    this.#purging = new Purging({
      ...this.#options,
      session: this.#joined.session,
      machine: this.#machine,
      reader: this.#reader,
      groupOf: (group) => this.#group(group),
      renew: async () => (await this.#joined.commit({})).kind === "committed",
    });
    this.#purgeLater();
    this.#meet();
  }

  get peers(): Peers {
    if (this.#peers === undefined) throw new Error(NOT_JOINED);
    return this.#peers;
  }

  /** Gets to know the other gateways, and shares the work with them. */
  #meet(): void {
    const { broker, clock, name, version, prefix } = this.#options;
    const { session } = this.#joined;
    const presence = new Presence({
      ...this.#options,
      self: { session, name, version, sinceMs: clock.nowMs() },
      onGone: (gone) => this.#asking?.gone(gone),
    });
    const asking = new Asking(broker);
    this.#presence = presence;
    this.#asking = asking;
    this.#turns = new Turns({
      ...{ broker, prefix, session, presence, asking },
      lend: async (group, knownSequence) =>
        this.#machine.groups.has(group) ? this.#group(group).lend(knownSequence) : undefined,
      stateSequence: () => this.#joined.appliedSequence,
      knowsState: (sequence) => this.#joined.knows(sequence),
    });
    this.#forwarding = new Forwarding({
      ...{ ...this.#options, session, presence, asking },
      // Only what has a place can be misplaced.
      appendHere: (logId, batch) => this.#appendHere(logId, batch) as Promise<Appended>,
      appendInTurn: (logId, batch) => this.#appendHere(logId, batch, { inTurn: true }) as Promise<Appended>,
    });
    const groupOf = (logId: ShardLogId): number | undefined => this.#machine.log(logId)?.group;
    this.#peers = new GatewayPeers({ broker, clock, prefix, session, presence, groupOf });
    presence.begin();
  }

  #purgeLater(): void {
    // Gateways that were started together need not do it together.
    const delayMs = PURGE_PERIOD_MS * (0.5 + this.#options.random.fraction());
    this.#purgeTimer = this.#options.clock.schedule(delayMs, async () => {
      const count = await this.#purging?.pass();
      this.#options.log.debug("what nobody can read any more was purged", { messages: count ?? 0 });
      if (!this.#isClosed) this.#purgeLater();
    });
  }

  allocateLogId(): ShardLogId {
    this.#issuedLogIds += 1;
    if (this.#issuedLogIds === LOG_IDS_PER_SESSION) {
      this.#options.crash(
        `this gateway has made ${LOG_IDS_PER_SESSION} shard logs, which is as many as it may before it starts anew`,
      );
    }
    return this.#joined.joinSequence * LOG_IDS_PER_SESSION + this.#issuedLogIds;
  }

  append(logId: ShardLogId, batch: EncodedBatch): Promise<AppendOutcome> {
    // Only what has a place can be misplaced.
    return this.#append(logId, batch, undefined) as Promise<AppendOutcome>;
  }

  appendAt(logId: ShardLogId, batch: EncodedBatch, place: EntryPlace): Promise<PlacedOutcome> {
    return this.#append(logId, batch, place);
  }

  async #append(
    logId: ShardLogId,
    batch: EncodedBatch,
    place: EntryPlace | undefined,
  ): Promise<PlacedOutcome> {
    if (this.#isClosed) return { kind: "read-only", reason: CLOSED };
    for (let closing = this.#closing.get(logId); closing !== undefined; closing = this.#closing.get(logId))
      await closing;
    const log = this.#machine.log(logId);
    if (log === undefined || log.endIndex !== undefined) return { kind: "closed" };
    const { outcome, sequence } =
      place === undefined
        ? await this.#forward(log.group, logId, batch)
        : await this.#appendHere(logId, batch, { place });
    if (sequence > 0) this.#group(log.group).storedElsewhere(sequence);
    // Whoever routes the records again looks at the state, which may not know yet what the log knows.
    if (outcome.kind === "closed") await this.#ended(logId);
    return outcome;
  }

  #forward(group: number, logId: ShardLogId, batch: EncodedBatch): Promise<Placed> {
    return this.#forwarding?.append(group, logId, batch) ?? this.#appendHere(logId, batch);
  }

  /** Appends through this gateway's own connection, whoever asks. */
  async #appendHere(
    logId: ShardLogId,
    batch: EncodedBatch,
    how: { readonly place?: EntryPlace; readonly inTurn?: boolean } = {},
  ): Promise<Placed> {
    if (this.#isClosed) return { outcome: { kind: "read-only", reason: CLOSED }, sequence: 0 };
    // Another gateway may have heard of the log first.
    if (this.#machine.log(logId) === undefined) await this.#joined.refresh();
    const log = this.#machine.log(logId);
    if (log === undefined || log.endIndex !== undefined) return { outcome: { kind: "closed" }, sequence: 0 };
    this.#writtenBytes += batch.byteLength;
    const group = this.#group(log.group);
    const outcome = await group.append(logId, batch, how);
    return { outcome, sequence: outcome.kind === "appended" ? group.knownSequence : 0 };
  }

  /** Resolves when the state says that a log has ended, which the log itself has said already. */
  #ended(logId: ShardLogId): Promise<void> {
    const isEnded = (): boolean => {
      const log = this.#isClosed ? undefined : this.#machine.log(logId);
      return log === undefined || log.endIndex !== undefined;
    };
    if (isEnded()) return Promise.resolve();
    return new Promise((resolve) => {
      const stop = this.#logListeners.watch(logId, () => {
        if (!isEnded()) return;
        stop();
        resolve();
      });
    });
  }

  async read(logId: ShardLogId, fromIndex: number, limits: ReadLimits): Promise<ReadOutcome> {
    const log = this.#machine.log(logId);
    if (log === undefined) return { kind: "gone" };
    const group = this.#group(log.group);
    await group.open();
    const known = group.tails.of(logId);
    if (fromIndex >= known.nextIndex && !known.isClosed) await group.follow();
    const bounds = this.describe(logId);
    if (bounds === undefined) return { kind: "gone" };
    if (fromIndex < bounds.trimIndex) return { kind: "trimmed", trimIndex: bounds.trimIndex };
    let entries: readonly StoredEntry[] = [];
    if (fromIndex < bounds.nextIndex) {
      const recent = group.tails.recent(logId, fromIndex);
      const isThere = (): boolean => !this.#isClosed && this.#machine.log(logId) !== undefined;
      if (recent === undefined) {
        const read = await this.#reader.read(group, logId, fromIndex, limits, isThere);
        if (read === undefined) return { kind: "gone" };
        if (read.kind === "damaged") return { ...read, index: fromIndex };
        if (read.kind === "purged") return this.#trimmed(logId, fromIndex);
        ({ entries } = read);
      } else entries = within(recent, limits);
      entries = entries.filter(({ index }) => index < bounds.nextIndex);
    }
    const nextIndex = (entries.at(-1)?.index ?? fromIndex - 1) + 1;
    return {
      kind: "entries",
      entries,
      nextIndex,
      ended: bounds.endIndex !== undefined && nextIndex >= bounds.endIndex,
    };
  }

  /** Another gateway has purged what this one did not know to be trimmed. */
  async #trimmed(logId: ShardLogId, index: number): Promise<ReadOutcome> {
    await this.#joined.refresh();
    const log = this.#machine.log(logId);
    if (log === undefined) return { kind: "gone" };
    if (log.trimIndex > index) return { kind: "trimmed", trimIndex: log.trimIndex };
    return { kind: "damaged", index, detail: `log ${logId} has no entry ${index}` };
  }

  async seek(logId: ShardLogId, timestampMs: number): Promise<number> {
    const log = this.#machine.log(logId);
    if (log === undefined) return 1;
    const group = this.#group(log.group);
    await group.open();
    const known = group.tails.of(logId);
    if (known.lastArrivalMs < timestampMs && !known.isClosed) await group.follow();
    const isThere = (): boolean => !this.#isClosed && this.#machine.log(logId) !== undefined;
    // What comes while it is looked for is not what was looked through.
    const { nextIndex } = group.tails.of(logId);
    const found = await this.#reader.find(group, logId, ({ arrivalMs }) => arrivalMs >= timestampMs, isThere);
    const bounds = this.describe(logId);
    if (bounds === undefined || found === undefined) return 1;
    // What cannot be read is not passed over: it comes behind the last entry that is known to be too old.
    const index =
      found.before === undefined ? (found.first === undefined ? nextIndex : 1) : found.before.index + 1;
    return Math.max(bounds.trimIndex, Math.min(index, bounds.nextIndex));
  }

  describe(logId: ShardLogId): ShardLogBounds | undefined {
    const log = this.#machine.log(logId);
    if (log === undefined) return undefined;
    const tail = this.#group(log.group).tails.of(logId);
    const nextIndex = log.endIndex ?? tail.nextIndex;
    return {
      trimIndex: Math.min(log.trimIndex, nextIndex),
      nextIndex,
      endIndex: log.endIndex,
      lastArrivalMs: tail.lastArrivalMs,
    };
  }

  refresh(logId: ShardLogId, how: "newest" | "recent"): Promise<void> | undefined {
    const log = this.#machine.log(logId);
    if (log === undefined || this.#isClosed) return undefined;
    const group = this.#group(log.group);
    // Nothing comes behind a close.
    if (group.tails.of(logId).isClosed) return undefined;
    return how === "newest" ? group.catchUp() : group.follow();
  }

  watch(logId: ShardLogId, listener: () => void): () => void {
    const stop = this.#logListeners.watch(logId, listener);
    const group = this.#machine.log(logId)?.group;
    const release = group === undefined ? undefined : this.#group(group).hold();
    return () => {
      stop();
      release?.();
    };
  }

  newestArrivalMs(): number {
    return this.#newestArrivalMs;
  }

  readOnlyReason(): string | undefined {
    return this.#isClosed ? CLOSED : undefined;
  }

  statistics(): EngineStatistics {
    const groups = [...this.#groups.values()];
    const sum = (of: (group: GroupLog) => number): number =>
      groups.reduce((total, group) => total + of(group), 0);
    return {
      engine: "jetstream",
      commits: this.#commits,
      commitMsTotal: 0,
      recentCommitMs: [],
      queuedBytes: sum((group) => group.queuedBytes),
      queuedEntries: sum((group) => group.queuedCount),
      writtenBytes: this.#writtenBytes,
      segmentCount: 0,
      diskBytes: 0,
      diskFreeBytes: undefined,
      tailCacheBytes: sum((group) => group.tails.cacheBytes),
      logCount: this.#machine.logs.size,
      oldestArrivalMs: undefined,
    };
  }

  async close(): Promise<void> {
    // The others come with nothing new after this, and what they have come with is done and answered.
    await this.#presence?.leave();
    await this.#forwarding?.close();
    this.#turns?.close();
    this.#presence?.close();
    this.#isClosed = true;
    this.#purgeTimer?.cancel();
    this.#stateLog?.close();
    for (const group of this.#groups.values()) group.close();
    await this.#options.broker.close();
  }

  get #joined(): StateLog {
    if (this.#stateLog === undefined) throw new Error(NOT_JOINED);
    return this.#stateLog;
  }

  get #machine(): StateLog["machine"] {
    return this.#joined.machine;
  }

  #group(number: number): GroupLog {
    let group = this.#groups.get(number);
    if (group === undefined) {
      group = new GroupLog(number, {
        ...this.#options,
        session: this.#joined.session,
        takeTurn: async (knownSequence) => this.#turns?.take(number, knownSequence),
        slots: this.#slots,
        dropped: this.#dropped,
        onEntry: (logId) => this.#onEntry(logId),
      });
      this.#groups.set(number, group);
    }
    return group;
  }

  #commit(change: StateChange): Promise<CommitOutcome> {
    if (this.#isClosed) return Promise.resolve({ kind: "read-only", reason: CLOSED });
    this.#commits += 1;
    const trims = change.trims?.map(([logId, index]): [number, number] => [
      logId,
      Math.min(index, this.describe(logId)?.nextIndex ?? index),
    ]);
    const outcome = this.#joined.commit(trims === undefined ? change : { ...change, trims });
    for (const logId of change.closes ?? []) {
      this.#closing.set(logId, outcome);
      const forget = (): void => {
        if (this.#closing.get(logId) === outcome) this.#closing.delete(logId);
      };
      outcome.then(forget, forget);
    }
    return outcome;
  }

  #changed(change: StateChange, revision: number): void {
    for (const listener of this.#stateListeners) listener(change, revision);
    this.#forget(change.drops ?? []);
    for (const logId of new Set([...(change.closes ?? []), ...(change.drops ?? [])]))
      this.#logListeners.notify(logId);
  }

  /** What is kept here of logs and groups that are no more. */
  #forget(drops: readonly ShardLogId[]): void {
    if (drops.length === 0) return;
    for (const logId of drops) this.#dropped.add(logId);
    for (const [number, group] of this.#groups) {
      for (const logId of drops) group.tails.drop(logId);
      if (this.#machine.groups.has(number)) continue;
      group.close();
      this.#groups.delete(number);
      this.#forwarding?.forget(number);
    }
  }

  #onEntry(logId: ShardLogId): void {
    const log = this.#machine.log(logId);
    const group = log === undefined ? undefined : this.#groups.get(log.group);
    this.#newestArrivalMs = Math.max(this.#newestArrivalMs, group?.tails.of(logId).lastArrivalMs ?? 0);
    this.#logListeners.notify(logId);
  }

  /** Ends the logs of an operation: at once for one that was asked for here, later for one that somebody else forgot. */
  #onClosing(operation: CloseOperation): void {
    // While this gateway joins: what is not finished by then is looked at when it has.
    if (this.#stateLog === undefined) return;
    const isOwn = operation.session === this.#stateLog.session;
    this.#options.clock.schedule(isOwn ? 0 : OPERATION_PATIENCE_MS, () => this.#finish(operation));
  }

  async #finish({ id, closing }: CloseOperation): Promise<void> {
    if (this.#isClosed || !this.#machine.operations.has(id)) return;
    const ends = await Promise.all(
      closing.map(async (logId) => {
        const group = this.#machine.log(logId)?.group;
        return [logId, group === undefined ? 1 : await this.#group(group).endLog(logId)] as const;
      }),
    );
    await this.#joined.finish(id, ends);
  }
}

const CLOSED = "the engine is closed";
const NOT_JOINED = "the engine has not joined the cluster yet";
