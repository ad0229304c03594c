/**
 * What is known of the logs of a group after a prefix of its stream: a pure function of the messages in it. Whoever knows more
 * than the prefix of another only knows more.
 */
import type { ShardLogId, StoredEntry } from "@millrace/log";
import type { GroupMessage } from "./group-message.ts";
import type { Knowledge, KnownLog } from "./wanted.ts";

export interface LogTail {
  readonly nextIndex: number;
  readonly lastArrivalMs: number;
  readonly isClosed: boolean;
}

/** Where an entry begins in the stream. */
export interface Anchor {
  readonly index: number;
  readonly sequence: number;
}

interface Tail {
  nextIndex: number;
  /** Of the first message of the newest entry; 0 when there is none. */
  lastSequence: number;
  /** Of the newest message of any kind, or one behind it. */
  changedSequence: number;
  lastArrivalMs: number;
  isClosed: boolean;
  /** Newest entries, without gaps up to the last one. */
  readonly recent: StoredEntry[];
  /** By which entries are found; some of those that were seen, the index going up. */
  readonly anchors: Anchor[];
  parts: GroupMessage[];
  /** What was read last could not be; how many entries that were is a guess until the next one that can. */
  isGuess: boolean;
  /** Some part of the entry that is being read could not be. */
  isEntryDamaged: boolean;
}

/** As much of the newest message of a log as says where it goes on. */
export type NewestMessage = Pick<GroupMessage, "kind" | "logId" | "index" | "arrivalMs" | "part">;

const DROPPED: LogTail = { nextIndex: 1, lastArrivalMs: 0, isClosed: true };
const EMPTY: LogTail = { nextIndex: 1, lastArrivalMs: 0, isClosed: false };
/** One entry of so many is remembered by its place. */
const ENTRIES_PER_ANCHOR = 64;
const ANCHORS_MAX = 4_096;

export class LogTails {
  readonly #tails = new Map<ShardLogId, Tail>();
  /** Logs by the order of their newest entries' coming, for the cache's bound. */
  #recentLogs: ShardLogId[] = [];
  /** Logs that are no more. What is still to be read of them, or was about to be written, is void. */
  readonly #dropped: ReadonlySet<ShardLogId>;
  readonly #cacheBytesMax: number;
  #cacheBytes = 0;
  /** Up to where messages were gone when the stream was read here one by one. */
  #purgedSequence = 0;

  constructor(cacheBytesMax: number, dropped: ReadonlySet<ShardLogId>) {
    this.#cacheBytesMax = cacheBytesMax;
    this.#dropped = dropped;
  }

  get cacheBytes(): number {
    return this.#cacheBytes;
  }

  of(logId: ShardLogId): LogTail {
    return this.#dropped.has(logId) ? DROPPED : (this.#tails.get(logId) ?? EMPTY);
  }

  /** Entries from an index on, if they are in memory up to the newest that is known here, and there are any. */
  recent(logId: ShardLogId, fromIndex: number): readonly StoredEntry[] | undefined {
    const recent = this.#tails.get(logId)?.recent;
    const first = recent?.[0];
    if (recent === undefined || first === undefined || fromIndex < first.index) return undefined;
    // The state may say that a closed log is longer than what has been followed so far.
    if (fromIndex - first.index >= recent.length) return undefined;
    return recent.slice(fromIndex - first.index);
  }

  /** The last known place at or before an index, and the first known one behind it. */
  around(
    logId: ShardLogId,
    index: number,
  ): { readonly before: Anchor | undefined; readonly after: Anchor | undefined } {
    const anchors = this.#tails.get(logId)?.anchors ?? [];
    let low = 0;
    let high = anchors.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (anchors[middle]!.index <= index) low = middle + 1;
      else high = middle;
    }
    return { before: anchors[low - 1], after: anchors[low] };
  }

  /** Where the newest entry of a log stands; 0 when it has none. It is never purged while the log is there. */
  lastSequence(logId: ShardLogId): number {
    return this.#tails.get(logId)?.lastSequence ?? 0;
  }

  /**
   * What the newest entry of a log, and before it its close, say of it: how a gateway begins in the middle, and passes over what it does
   * not need to know one by one. Tells whether the log has become longer, or has ended.
   */
  begin(last: NewestMessage, sequence: number): boolean {
    if (last.kind === "nothing" || this.#dropped.has(last.logId)) return false;
    const tail = this.#tailOf(last.logId);
    tail.changedSequence = Math.max(tail.changedSequence, sequence);
    if (last.kind === "close") {
      if (tail.isClosed) return false;
      this.#passOver(last.logId, tail, last.index);
      tail.isClosed = true;
      return true;
    }
    const firstSequence = sequence - last.part;
    if (firstSequence <= tail.lastSequence) return false;
    if (!tail.isClosed) this.#passOver(last.logId, tail, last.index + 1);
    tail.lastSequence = firstSequence;
    tail.lastArrivalMs = last.arrivalMs;
    return true;
  }

  /**
   * What is to be told to somebody who knows the prefix up to `from`, of the prefix up to `sequence` that is known here. Undefined
   * where messages cannot tell it: an entry is known in part, or how many there are is a guess.
   */
  knowledge(from: number, sequence: number): Knowledge | undefined {
    const logs: KnownLog[] = [];
    for (const [logId, tail] of this.#tails) {
      const { changedSequence, nextIndex, lastSequence, lastArrivalMs, isClosed } = tail;
      if (changedSequence <= from) continue;
      if (tail.isGuess || tail.isEntryDamaged || tail.parts.length > 0) return undefined;
      logs.push({ logId, nextIndex, lastSequence, lastArrivalMs, isClosed, changedSequence });
    }
    return { sequence, logs };
  }

  /** Goes on by what somebody else knows of a log; tells whether it has become longer, or has ended. */
  learn({ logId, nextIndex, lastSequence, lastArrivalMs, isClosed, changedSequence }: KnownLog): boolean {
    const newest = { logId, arrivalMs: lastArrivalMs, part: 0 };
    const hasEnded = isClosed && this.begin({ kind: "close", index: nextIndex, ...newest }, changedSequence);
    const isLonger =
      lastSequence > 0 && this.begin({ kind: "entry", index: nextIndex - 1, ...newest }, lastSequence);
    if (!this.#dropped.has(logId)) {
      const tail = this.#tailOf(logId);
      tail.changedSequence = Math.max(tail.changedSequence, changedSequence);
    }
    return hasEnded || isLonger;
  }

  #passOver(logId: ShardLogId, tail: Tail, nextIndex: number): void {
    // By it those who read on from there are found a place.
    if (tail.lastSequence > 0 && !tail.isGuess)
      this.anchor(logId, { index: tail.nextIndex - 1, sequence: tail.lastSequence });
    if (nextIndex !== tail.nextIndex) this.#forgetRecent(logId, tail);
    tail.parts = [];
    tail.isEntryDamaged = false;
    tail.isGuess = false;
    tail.nextIndex = nextIndex;
  }

  /**
   * Goes on by the next message; tells whether its log has become longer, or has ended. An entry is kept in memory for readers if there are any:
   * what is not dies young, which is cheap.
   */
  apply(message: GroupMessage, sequence: number, isKept: boolean): boolean {
    if (message.kind === "nothing" || this.#dropped.has(message.logId)) return false;
    const tail = this.#tailOf(message.logId);
    tail.changedSequence = sequence;
    // What stands behind the first close is void for everybody.
    if (tail.isClosed) return false;
    if (message.kind === "close") {
      tail.isClosed = true;
      return true;
    }
    // The last part was as large as those before it, so that it did not show.
    if (tail.isEntryDamaged && message.part === 0) this.#lose(message.logId, tail, sequence - 1);
    if (message.index > tail.nextIndex) {
      if (tail.isGuess) tail.nextIndex = message.index;
      else if (tail.lastSequence < this.#purgedSequence) this.#passOver(message.logId, tail, message.index);
    }
    if (message.index !== tail.nextIndex) {
      throw new Error(
        `log ${message.logId} has entry ${message.index} where ${tail.nextIndex} was expected, at sequence ${sequence}`,
      );
    }
    if (tail.isEntryDamaged) {
      if (message.part === message.partCount - 1) this.#lose(message.logId, tail, sequence);
      return message.part === message.partCount - 1;
    }
    tail.isGuess = false;
    tail.parts.push(message);
    if (tail.parts.length < message.partCount) return false;
    const { parts } = tail;
    const firstSequence = sequence - parts.length + 1;
    tail.parts = [];
    const { index, arrivalMs, recordCount } = message;
    tail.nextIndex = index + 1;
    tail.lastSequence = firstSequence;
    tail.lastArrivalMs = arrivalMs;
    if (index % ENTRIES_PER_ANCHOR === 1) this.anchor(message.logId, { index, sequence: firstSequence });
    if (isKept) {
      const payload = parts.length === 1 ? message.payload : Buffer.concat(parts.map((part) => part.payload));
      this.#keep(message.logId, tail, { index, arrivalMs, recordCount, payload });
    } else this.#forgetRecent(message.logId, tail);
    return true;
  }

  /** Some messages up to here were purged before they were read here: entries that they were are not missing. */
  purgedThrough(sequence: number): void {
    this.#purgedSequence = sequence;
  }

  /** Goes on by a message of a log that cannot be read. It has its place and its number all the same. */
  applyDamaged(logId: ShardLogId, sequence: number, what: "close" | "part" | "end"): boolean {
    if (this.#dropped.has(logId)) return false;
    const tail = this.#tailOf(logId);
    tail.changedSequence = sequence;
    if (tail.isClosed) return false;
    // Nothing but closes stands where it stands.
    if (what === "close") tail.isClosed = true;
    else if (what === "part") tail.isEntryDamaged = true;
    else this.#lose(logId, tail, sequence);
    return what !== "part";
  }

  /** A log of which nothing is known yet: the first entry that can be read says where it begins. */
  beginAnywhere(logId: ShardLogId): void {
    if (this.#dropped.has(logId)) return;
    this.drop(logId);
    this.#tailOf(logId).isGuess = true;
  }

  #forgetRecent(logId: ShardLogId, tail: Tail): void {
    if (tail.recent.length === 0) return;
    for (const { payload } of tail.recent.splice(0)) this.#cacheBytes -= payload.length;
    this.#recentLogs = this.#recentLogs.filter((recent) => recent !== logId);
  }

  #lose(logId: ShardLogId, tail: Tail, sequence: number): void {
    this.#forgetRecent(logId, tail);
    tail.parts = [];
    tail.isEntryDamaged = false;
    tail.isGuess = true;
    tail.nextIndex += 1;
    tail.lastSequence = sequence;
  }

  /** Remembers where an entry stands. */
  anchor(logId: ShardLogId, anchor: Anchor): void {
    if (this.#dropped.has(logId)) return;
    const { anchors } = this.#tailOf(logId);
    const { before } = this.around(logId, anchor.index);
    if (before?.index === anchor.index) return;
    const at = before === undefined ? 0 : anchors.indexOf(before) + 1;
    anchors.splice(at, 0, anchor);
    if (anchors.length > ANCHORS_MAX) anchors.splice(0, anchors.length / 2);
  }

  isDropped(logId: ShardLogId): boolean {
    return this.#dropped.has(logId);
  }

  /** Forgets a log. */
  drop(logId: ShardLogId): void {
    const tail = this.#tails.get(logId);
    if (tail === undefined) return;
    this.#forgetRecent(logId, tail);
    this.#tails.delete(logId);
  }

  /** Of a log that is there. */
  #tailOf(logId: ShardLogId): Tail {
    let tail = this.#tails.get(logId);
    if (tail === undefined) {
      tail = {
        ...{ nextIndex: 1, lastSequence: 0, changedSequence: 0, lastArrivalMs: 0, isClosed: false },
        ...{ recent: [], anchors: [], parts: [], isGuess: false, isEntryDamaged: false },
      };
      this.#tails.set(logId, tail);
    }
    return tail;
  }

  #keep(logId: ShardLogId, tail: Tail, entry: StoredEntry): void {
    tail.recent.push(entry);
    this.#recentLogs.push(logId);
    this.#cacheBytes += entry.payload.length;
    while (this.#cacheBytes > this.#cacheBytesMax) {
      const oldest = this.#tails.get(this.#recentLogs.shift()!)?.recent.shift();
      if (oldest !== undefined) this.#cacheBytes -= oldest.payload.length;
      else if (this.#recentLogs.length === 0) break;
    }
  }
}
