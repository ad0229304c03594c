/** Entries of a shard log out of the stream of its group, by their indexes. */
import type { ReadLimits, ShardLogId, StoredEntry } from "@millrace/log";
import type { Clock } from "@millrace/runtime";
import type { Broker } from "../broker/broker.ts";
import { decodeGroupMessage, type GroupMessage } from "./group-message.ts";
import type { GroupLog } from "./group-log.ts";

/** An entry with its place. */
export interface PlacedEntry extends StoredEntry {
  /** Of its first message. */
  readonly sequence: number;
  /** Of the one behind its last message. */
  readonly nextSequence: number;
}

const READ_MESSAGES = 1_000;
/** Beside what is asked for: headers, and the entry that passes the limit. */
const READ_BYTES_MIN = 64 << 10;
const RETRY_DELAY_MS = 5;
const RETRY_DELAY_MS_MAX = 500;
/** Entries between two known places that are read through rather than searched. */
const READ_THROUGH_ENTRIES = 256;

export class GroupReader {
  readonly #broker: Broker;
  readonly #clock: Clock;

  constructor(broker: Broker, clock: Clock) {
    this.#broker = broker;
    this.#clock = clock;
  }

  /** Durable entries from an index on, which there must be; at least one. Undefined when the log vanishes meanwhile. */
  async read(
    group: GroupLog,
    logId: ShardLogId,
    fromIndex: number,
    { maxBytes, maxRecords }: ReadLimits,
    isThere: () => boolean,
  ): Promise<StoredEntry[] | undefined> {
    let sequence = await this.#sequenceBefore(group, logId, fromIndex, isThere);
    const entries: StoredEntry[] = [];
    let bytes = 0;
    let records = 0;
    let delayMs = RETRY_DELAY_MS;
    while (sequence !== undefined && isThere()) {
      const some = await this.#entriesFrom(
        group,
        logId,
        sequence,
        Math.max(READ_BYTES_MIN, maxBytes - bytes),
      );
      for (const entry of some) {
        sequence = entry.nextSequence;
        if (entry.index < fromIndex) continue;
        if (bytes >= maxBytes || records >= maxRecords) break;
        entries.push(entry);
        bytes += entry.payload.length;
        records += entry.recordCount;
      }
      if (entries.length > 0) {
        const last = some.at(-1);
        if (last !== undefined) group.tails.anchor(logId, last);
        return entries;
      }
      if (some.length > 0) continue;
      // The replica that answered does not have it yet.
      await this.#clock.sleep(delayMs);
      delayMs = Math.min(delayMs * 2, RETRY_DELAY_MS_MAX);
    }
    return undefined;
  }

  /** The first entry for which `reached` holds, which must hold for all behind it; undefined when there is none. */
  async find(
    group: GroupLog,
    logId: ShardLogId,
    reached: (entry: StoredEntry) => boolean,
    isThere: () => boolean,
  ): Promise<PlacedEntry | undefined> {
    let low = 1;
    let high = group.tails.lastSequence(logId) + 1;
    let found: PlacedEntry | undefined;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const entry = await this.#entryAt(group, logId, middle, isThere);
      if (entry === undefined) return undefined;
      if (entry.sequence >= high || reached(entry)) {
        high = middle;
        if (reached(entry)) found = entry;
      } else {
        low = Math.max(middle, entry.sequence) + 1;
      }
    }
    return found;
  }

  /** A sequence from which on the entry of an index, which there must be, is found soon. */
  async #sequenceBefore(
    group: GroupLog,
    logId: ShardLogId,
    index: number,
    isThere: () => boolean,
  ): Promise<number | undefined> {
    const { before, after } = group.tails.around(logId, index);
    if (before !== undefined && index - before.index <= READ_THROUGH_ENTRIES) return before.sequence;
    let low = before?.sequence ?? 1;
    let high = after?.sequence ?? group.tails.lastSequence(logId) + 1;
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      const entry = await this.#entryAt(group, logId, middle, isThere);
      if (entry === undefined) return undefined;
      if (entry.index > index) {
        high = middle;
        continue;
      }
      group.tails.anchor(logId, entry);
      if (index - entry.index <= READ_THROUGH_ENTRIES) return entry.sequence;
      low = Math.max(middle, entry.sequence);
    }
    return low;
  }

  /**
   * The first entry with a message at or behind `sequence`, which is at most that of the newest entry. So there is one, and a replica
   * that shows none is behind: to believe it would be to take what is in the log for missing. Undefined when the log vanishes.
   */
  async #entryAt(
    group: GroupLog,
    logId: ShardLogId,
    sequence: number,
    isThere: () => boolean,
  ): Promise<PlacedEntry | undefined> {
    let delayMs = RETRY_DELAY_MS;
    while (isThere()) {
      const [entry] = await this.#entriesFrom(group, logId, sequence, 1);
      if (entry !== undefined) return entry;
      await this.#clock.sleep(delayMs);
      delayMs = Math.min(delayMs * 2, RETRY_DELAY_MS_MAX);
    }
    return undefined;
  }

  /** Whole entries from a sequence on; the first one may begin before it. */
  async #entriesFrom(
    group: GroupLog,
    logId: ShardLogId,
    from: number,
    maxBytes: number,
  ): Promise<PlacedEntry[]> {
    const { stream } = group.names;
    const entries: PlacedEntry[] = [];
    let parts: GroupMessage[] = [];
    let fromSequence = from;
    let hasGoneBack = false;
    let delayMs = RETRY_DELAY_MS;
    for (;;) {
      const outcome = await this.#broker.read(stream, {
        fromSequence,
        subject: group.names.entries(logId),
        maxBytes: Math.max(maxBytes, 1),
        maxMessages: READ_MESSAGES,
      });
      if (outcome.kind === "messages") {
        for (const { sequence, payload } of outcome.messages) {
          const message = decodeGroupMessage(payload, `message ${sequence} of stream ${stream}`);
          if (message.part > 0 && parts.length === 0 && !hasGoneBack) {
            // In the middle of an entry: its parts stand side by side.
            fromSequence = sequence - message.part;
            hasGoneBack = true;
            break;
          }
          fromSequence = sequence + 1;
          // Its first parts have been purged meanwhile, and the last ones are about to be.
          if (message.part !== parts.length) continue;
          parts.push(message);
          if (parts.length < message.partCount) continue;
          const { index, arrivalMs, recordCount } = message;
          const whole =
            parts.length === 1 ? message.payload : Buffer.concat(parts.map((part) => part.payload));
          entries.push({
            index,
            arrivalMs,
            recordCount,
            payload: whole,
            sequence: sequence - parts.length + 1,
            nextSequence: sequence + 1,
          });
          parts = [];
        }
        const isStuck = parts.length > 0 || (entries.length === 0 && outcome.messages.length > 0);
        if (!isStuck) return entries;
        if (outcome.messages.length > 0) continue;
      }
      await this.#clock.sleep(delayMs);
      delayMs = Math.min(delayMs * 2, RETRY_DELAY_MS_MAX);
    }
  }
}
