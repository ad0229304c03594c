/**
 * The keyed state of a cluster, and the shard logs that it knows of, as a pure function of one stream of messages. Every gateway
 * applies the same messages in the same order, so all of them come to the same state and to the same outcome of each
 * change; nobody has to ask anybody.
 *
 * A change that closes shard logs cannot take effect at once: where a log ends is decided in the log itself. Such a change
 * becomes an *operation*, which holds its keys and logs until somebody tells where the logs ended. Changes that want those
 * keys or logs meanwhile wait, in order.
 */
import type { CommitOutcome, ShardLogId, StateChange, StateValue } from "@millrace/log";

/** What one gateway asks for. Numbers of a session go up by one, so that what arrives twice counts once. */
export type StateItem =
  /** A session begins. */
  | { readonly kind: "join" }
  | { readonly kind: "change"; readonly change: StateChange }
  /** The logs that an operation closes have ended. The first one to say so counts. */
  | { readonly kind: "finish"; readonly operation: number; readonly ends: readonly LogEnd[] };

export type LogEnd = readonly [logId: ShardLogId, endIndex: number];

export interface StateMessage {
  readonly session: string;
  /** Of the first item. */
  readonly number: number;
  readonly items: readonly StateItem[];
}

export interface ClusterLog {
  /** The stream that it lies in, with others. */
  readonly group: number;
  readonly trimIndex: number;
  readonly endIndex: number | undefined;
}

/** A change that waits for the end of the logs that it closes. */
export interface CloseOperation {
  readonly id: number;
  /** Who asked for it. */
  readonly session: string;
  readonly change: StateChange;
  readonly closing: readonly ShardLogId[];
}

/** What a message brought about. */
export type StateEffect =
  | {
      readonly kind: "outcome";
      readonly session: string;
      readonly number: number;
      readonly outcome: CommitOutcome;
    }
  | { readonly kind: "changed"; readonly change: StateChange; readonly revision: number }
  | { readonly kind: "closing"; readonly operation: CloseOperation };

/** The whole state, to begin with instead of with all messages that there ever were. */
export interface StateSnapshot {
  readonly revision: number;
  readonly lastOperation: number;
  readonly groupCount: number;
  readonly fillingGroup: number;
  readonly values: readonly (readonly [key: string, value: string, revision: number])[];
  readonly logs: readonly (readonly [
    logId: ShardLogId,
    group: number,
    trimIndex: number,
    endIndex: number,
  ])[];
  readonly sessions: readonly (readonly [session: string, nextNumber: number])[];
  readonly operations: readonly CloseOperation[];
  readonly asked: readonly Asked[];
}

/** Whose change it is. */
interface Asked {
  readonly session: string;
  readonly number: number;
  readonly change: StateChange;
  /** The operation that it has become; until then it waits. */
  readonly operation?: number;
}

/** So many open logs share a stream: what is written at once is synced at once. */
const OPEN_LOGS_PER_GROUP = 16;
/** With those that are closed: the newest message of each is asked for at once. */
const LOGS_PER_GROUP_MAX = 400;
/** Sessions that were heard of last. An older one is long dead, and nothing of it is under way any more. */
const SESSIONS_MAX = 10_000;
const NOT_ENDED = -1;

export class StateMachine {
  #revision = 0;
  #lastOperation = 0;
  /** Groups that there have ever been; they are numbered from 1 on. */
  #groupCount = 0;
  #fillingGroup = 0;
  readonly #values = new Map<string, StateValue>();
  readonly #logs = new Map<ShardLogId, ClusterLog>();
  readonly #groups = new Map<number, { readonly openCount: number; readonly logCount: number }>();
  /** The next number of each session; those heard of last stand last. */
  readonly #sessions = new Map<string, number>();
  readonly #operations = new Map<number, CloseOperation>();
  /** Changes without an outcome yet, in order. */
  #asked: Asked[] = [];

  static from(snapshot: StateSnapshot): StateMachine {
    const machine = new StateMachine();
    machine.#revision = snapshot.revision;
    machine.#lastOperation = snapshot.lastOperation;
    machine.#groupCount = snapshot.groupCount;
    machine.#fillingGroup = snapshot.fillingGroup;
    for (const [key, value, revision] of snapshot.values) machine.#values.set(key, { value, revision });
    for (const [logId, group, trimIndex, endIndex] of snapshot.logs) {
      machine.#setLog(logId, { group, trimIndex, endIndex: endIndex === NOT_ENDED ? undefined : endIndex });
    }
    for (const [session, nextNumber] of snapshot.sessions) machine.#sessions.set(session, nextNumber);
    for (const operation of snapshot.operations) machine.#operations.set(operation.id, operation);
    machine.#asked = [...snapshot.asked];
    return machine;
  }

  snapshot(): StateSnapshot {
    return {
      revision: this.#revision,
      lastOperation: this.#lastOperation,
      groupCount: this.#groupCount,
      fillingGroup: this.#fillingGroup,
      values: [...this.#values].map(([key, { value, revision }]) => [key, value, revision]),
      logs: [...this.#logs].map(([logId, { group, trimIndex, endIndex = NOT_ENDED }]) => [
        logId,
        group,
        trimIndex,
        endIndex,
      ]),
      sessions: [...this.#sessions],
      operations: [...this.#operations.values()],
      asked: [...this.#asked],
    };
  }

  get(key: string): StateValue | undefined {
    return this.#values.get(key);
  }

  *list(prefix: string): IterableIterator<readonly [string, StateValue]> {
    const keys = [...this.#values.keys()].filter((key) => key.startsWith(prefix)).sort();
    for (const key of keys) {
      const value = this.#values.get(key);
      if (value !== undefined) yield [key, value];
    }
  }

  log(logId: ShardLogId): ClusterLog | undefined {
    return this.#logs.get(logId);
  }

  get logs(): ReadonlyMap<ShardLogId, ClusterLog> {
    return this.#logs;
  }

  /** Groups with logs in them. */
  get groups(): ReadonlyMap<number, { readonly openCount: number; readonly logCount: number }> {
    return this.#groups;
  }

  /** Operations that nobody has finished yet. */
  get operations(): ReadonlyMap<number, CloseOperation> {
    return this.#operations;
  }

  /** The number that a session's next item must have; 0 for one that nobody has heard of. */
  nextNumberOf(session: string): number {
    return this.#sessions.get(session) ?? 0;
  }

  apply({ session, number, items }: StateMessage): StateEffect[] {
    const effects: StateEffect[] = [];
    for (const [at, item] of items.entries()) {
      // What was sent again because its answer had been lost, and had been stored all the same.
      if (number + at !== this.nextNumberOf(session)) continue;
      this.#hearOf(session, number + at + 1);
      if (item.kind === "join") {
        effects.push({
          kind: "outcome",
          session,
          number: number + at,
          outcome: { kind: "committed", revision: this.#revision },
        });
      } else if (item.kind === "finish") {
        this.#finish(item.operation, item.ends, effects);
        effects.push({
          kind: "outcome",
          session,
          number: number + at,
          outcome: { kind: "committed", revision: this.#revision },
        });
      } else {
        const asked = { session, number: number + at, change: item.change };
        if (this.#mustWait(asked.change, this.#asked)) this.#asked.push(asked);
        else this.#evaluate(asked, effects);
      }
    }
    return effects;
  }

  #hearOf(session: string, nextNumber: number): void {
    this.#sessions.delete(session);
    this.#sessions.set(session, nextNumber);
    if (this.#sessions.size <= SESSIONS_MAX) return;
    for (const [oldest] of this.#sessions) {
      this.#sessions.delete(oldest);
      return;
    }
  }

  /** Whether a change wants a key or a log of one that came before it and is not done. */
  #mustWait(change: StateChange, before: readonly Asked[]): boolean {
    if (before.length === 0) return false;
    const wanted = new Set(placesOf(change));
    return before.some((other) => placesOf(other.change).some((place) => wanted.has(place)));
  }

  #evaluate(asked: Asked, effects: StateEffect[]): void {
    const { session, number, change } = asked;
    for (const [key, revision] of change.expect ?? []) {
      if ((this.#values.get(key)?.revision ?? 0) === revision) continue;
      effects.push({ kind: "outcome", session, number, outcome: { kind: "conflict", key } });
      return;
    }
    const opens = new Set(change.opens);
    const closing = (change.closes ?? []).filter((logId) => {
      const log = this.#logs.get(logId);
      return log !== undefined && log.endIndex === undefined && !opens.has(logId);
    });
    if (closing.length === 0) {
      this.#take(asked, [], effects);
      return;
    }
    this.#lastOperation += 1;
    const operation = { id: this.#lastOperation, session, change, closing };
    this.#operations.set(operation.id, operation);
    this.#asked.push({ ...asked, operation: operation.id });
    effects.push({ kind: "closing", operation });
  }

  #finish(id: number, ends: readonly LogEnd[], effects: StateEffect[]): void {
    const operation = this.#operations.get(id);
    if (operation === undefined) return;
    this.#operations.delete(id);
    const asked = this.#asked.find((candidate) => candidate.operation === id)!;
    this.#asked = this.#asked.filter((candidate) => candidate !== asked);
    this.#take(asked, ends, effects);
    this.#evaluateWaiting(effects);
  }

  /** Those that need not wait any more, in the order in which they came. */
  #evaluateWaiting(effects: StateEffect[]): void {
    const candidates = this.#asked;
    this.#asked = [];
    for (const asked of candidates) {
      if (asked.operation !== undefined || this.#mustWait(asked.change, this.#asked)) this.#asked.push(asked);
      else this.#evaluate(asked, effects);
    }
  }

  /** The change takes effect. */
  #take({ session, number, change }: Asked, ends: readonly LogEnd[], effects: StateEffect[]): void {
    this.#revision += 1;
    const revision = this.#revision;
    for (const [key, value] of change.puts ?? []) this.#values.set(key, { value, revision });
    for (const key of change.deletes ?? []) this.#values.delete(key);
    for (const logId of change.opens ?? []) this.#open(logId);
    for (const logId of change.closes ?? []) {
      const log = this.#logs.get(logId);
      if (log === undefined || log.endIndex !== undefined) continue;
      const endIndex = ends.find(([ended]) => ended === logId)?.[1] ?? 1;
      this.#setLog(logId, { ...log, endIndex });
    }
    for (const [logId, index] of change.trims ?? []) {
      const log = this.#logs.get(logId);
      if (log === undefined || index <= log.trimIndex) continue;
      this.#setLog(logId, { ...log, trimIndex: Math.min(index, log.endIndex ?? Infinity) });
    }
    for (const logId of change.drops ?? []) this.#setLog(logId, undefined);
    effects.push({ kind: "changed", change, revision });
    effects.push({ kind: "outcome", session, number, outcome: { kind: "committed", revision } });
  }

  #open(logId: ShardLogId): void {
    if (this.#logs.has(logId)) return;
    const filling = this.#groups.get(this.#fillingGroup);
    if (filling === undefined || filling.openCount >= OPEN_LOGS_PER_GROUP)
      this.#fillingGroup = this.#groupWithRoom();
    this.#setLog(logId, { group: this.#fillingGroup, trimIndex: 1, endIndex: undefined });
  }

  /** A group whose logs have mostly been closed, or a new one. Numbers are not used again. */
  #groupWithRoom(): number {
    for (const [group, { openCount, logCount }] of this.#groups) {
      if (openCount <= OPEN_LOGS_PER_GROUP / 2 && logCount < LOGS_PER_GROUP_MAX) return group;
    }
    this.#groupCount += 1;
    return this.#groupCount;
  }

  #setLog(logId: ShardLogId, log: ClusterLog | undefined): void {
    const before = this.#logs.get(logId);
    if (before !== undefined) this.#count(before, -1);
    if (log === undefined) this.#logs.delete(logId);
    else this.#logs.set(logId, log);
    if (log !== undefined) this.#count(log, 1);
  }

  #count({ group, endIndex }: ClusterLog, change: 1 | -1): void {
    const { openCount, logCount } = this.#groups.get(group) ?? { openCount: 0, logCount: 0 };
    const counts = {
      openCount: openCount + (endIndex === undefined ? change : 0),
      logCount: logCount + change,
    };
    if (counts.logCount === 0) this.#groups.delete(group);
    else this.#groups.set(group, counts);
  }
}

/** What a change must have for itself. */
function placesOf({
  expect = [],
  puts = [],
  deletes = [],
  opens = [],
  closes = [],
  drops = [],
}: StateChange): string[] {
  return [
    ...[...expect, ...puts].map(([key]) => `key ${key}`),
    ...deletes.map((key) => `key ${key}`),
    ...[...opens, ...closes, ...drops].map((logId) => `log ${logId}`),
  ];
}
