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
        sequence = entry.sequence + 1;
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
  ): Promise<PlacedEntry | undefined> {
    let low = 1;
    let high = group.knownSequence + 1;
    let found: PlacedEntry | undefined;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const entry = await this.#entryAt(group, logId, middle, high);
      if (entry === undefined || reached(entry)) {
        high = middle;
        found = entry ?? found;
      } else {
        low = Math.max(middle, entry.sequence) + 1;
      }
    }
    return found;
  }

  /** A sequence from which on the entry of an index is found soon. */
  async #sequenceBefore(
    group: GroupLog,
    logId: ShardLogId,
    index: number,
    isThere: () => boolean,
  ): Promise<number | undefined> {
    const { before, after } = group.tails.around(logId, index);
    if (before !== undefined && index - before.index <= READ_THROUGH_ENTRIES) return before.sequence;
    let low = before?.sequence ?? 1;
    let high = after?.sequence ?? group.knownSequence + 1;
    while (high - low > 1 && isThere()) {
      const middle = Math.floor((low + high) / 2);
      const entry = await this.#entryAt(group, logId, middle, high);
      if (entry === undefined || entry.index > index) {
        high = middle;
        continue;
      }
      group.tails.anchor(logId, entry);
      if (index - entry.index <= READ_THROUGH_ENTRIES) return entry.sequence;
      low = Math.max(middle, entry.sequence);
    }
    return low;
  }

  /** The first entry with a message at or behind `sequence`; undefined when there is none before `end`. */
  async #entryAt(
    group: GroupLog,
    logId: ShardLogId,
    sequence: number,
    end: number,
  ): Promise<PlacedEntry | undefined> {
    const [entry] = await this.#entriesFrom(group, logId, sequence, 1);
    return entry === undefined || entry.sequence >= end ? undefined : entry;
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
          if (message.part > 0 && parts.length === 0) {
            // In the middle of an entry: its parts stand side by side.
            fromSequence = sequence - message.part;
            break;
          }
          fromSequence = sequence + 1;
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
