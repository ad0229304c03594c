/** Entries of a shard log out of the stream of its group, by their indexes. */
import type { ReadLimits, ShardLogId, StoredEntry } from "@millrace/log";
import type { Clock } from "@millrace/runtime";
import type { Broker } from "../broker/broker.ts";
import type { GroupLog } from "./group-log.ts";
import type { GroupMessage } from "./group-message.ts";
import { decodedMessage, intactMessage } from "./intact-message.ts";

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

/** What a read of a log came to. */
export type EntriesOutcome =
  | { readonly kind: "entries"; readonly entries: readonly StoredEntry[] }
  /** Entries from the one that was asked for up to `toIndex` are not what was written, on every replica. */
  | { readonly kind: "damaged"; readonly toIndex: number; readonly detail: string }
  /** It has been purged meanwhile. */
  | { readonly kind: "purged" };

/** Entries that stand one behind the other, but for those that cannot be read. */
interface Found {
  readonly entries: readonly PlacedEntry[];
  /** What is wrong with a message before the last of them; behind which it went on. */
  readonly damage: string | undefined;
  readonly nextSequence: number;
}

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
  ): Promise<EntriesOutcome | undefined> {
    let sequence = await this.#sequenceBefore(group, logId, fromIndex, isThere);
    let damage: string | undefined;
    let delayMs = RETRY_DELAY_MS;
    while (sequence !== undefined && isThere()) {
      const { nextIndex } = group.tails.of(logId);
      const lastSequence = group.tails.lastSequence(logId);
      const found = await this.#entriesFrom(group, logId, sequence, Math.max(READ_BYTES_MIN, maxBytes));
      damage ??= found.damage;
      const wanted = found.entries.filter(({ index }) => index >= fromIndex);
      const [first] = wanted;
      if (first !== undefined && first.index > fromIndex) {
        return damage === undefined
          ? { kind: "purged" }
          : { kind: "damaged", toIndex: first.index, detail: damage };
      }
      if (first !== undefined) {
        group.tails.anchor(logId, found.entries.at(-1)!);
        return { kind: "entries", entries: within(wanted, { maxBytes, maxRecords }) };
      }
      if (damage !== undefined && found.nextSequence > lastSequence && nextIndex > fromIndex)
        return { kind: "damaged", toIndex: nextIndex, detail: damage };
      if (found.entries.length > 0) {
        // What was damaged lies before what is wanted.
        damage = undefined;
        sequence = found.nextSequence;
        continue;
      }
      // The replica that answered does not have it yet.
      await this.#clock.sleep(delayMs);
      delayMs = Math.min(delayMs * 2, RETRY_DELAY_MS_MAX);
    }
    return undefined;
  }

  /**
   * The last entry for which `reached` does not hold, and the first one for which it does, as it must for all behind it. What lies
   * between them cannot be read. Undefined when the log vanishes meanwhile.
   */
  async find(
    group: GroupLog,
    logId: ShardLogId,
    reached: (entry: StoredEntry) => boolean,
    isThere: () => boolean,
  ): Promise<
    { readonly before: PlacedEntry | undefined; readonly first: PlacedEntry | undefined } | undefined
  > {
    let low = 1;
    let high = group.tails.lastSequence(logId) + 1;
    let before: PlacedEntry | undefined;
    let first: PlacedEntry | undefined;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const entry = await this.#entryAt(group, logId, middle, isThere);
      if (entry === undefined) return undefined;
      if (entry === "damaged" || entry.sequence >= high || reached(entry)) {
        high = middle;
        if (entry !== "damaged" && reached(entry)) first = entry;
      } else {
        low = Math.max(middle, entry.sequence) + 1;
        before = entry;
      }
    }
    return { before, first };
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
      if (entry === "damaged" || entry.index > index) {
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
  ): Promise<PlacedEntry | "damaged" | undefined> {
    let delayMs = RETRY_DELAY_MS;
    while (isThere()) {
      const lastSequence = group.tails.lastSequence(logId);
      const { entries, damage, nextSequence } = await this.#entriesFrom(group, logId, sequence, 1);
      const [entry] = entries;
      if (entry !== undefined) return entry;
      if (damage !== undefined && nextSequence > lastSequence) return "damaged";
      await this.#clock.sleep(delayMs);
      delayMs = Math.min(delayMs * 2, RETRY_DELAY_MS_MAX);
    }
    return undefined;
  }

  /** Whole entries from a sequence on, as many as one answer holds; the first one may begin before it. */
  async #entriesFrom(group: GroupLog, logId: ShardLogId, from: number, maxBytes: number): Promise<Found> {
    const { stream } = group.names;
    const entries: PlacedEntry[] = [];
    let parts: GroupMessage[] = [];
    let damage: string | undefined;
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
        for (const stored of outcome.messages) {
          const { sequence } = stored;
          const message =
            decodedMessage(stream, stored) ??
            (await intactMessage(this.#broker, this.#clock, stream, stored));
          if (message === undefined) {
            // The entries before it are given; the next read begins with it.
            if (entries.length > 0) return { entries, damage, nextSequence: sequence };
            damage ??= `message ${sequence} of stream ${stream} does not have the checksum that it was written with`;
            fromSequence = sequence + 1;
            parts = [];
            hasGoneBack = true;
            continue;
          }
          if (message.part > 0 && parts.length === 0 && !hasGoneBack) {
            // In the middle of an entry: its parts stand side by side.
            fromSequence = sequence - message.part;
            hasGoneBack = true;
            break;
          }
          fromSequence = sequence + 1;
          // Its first parts are damaged, or were purged meanwhile.
          if (message.part !== parts.length) continue;
          parts.push(message);
          if (parts.length < message.partCount) continue;
          const { index, arrivalMs, recordCount } = message;
          const payload =
            parts.length === 1 ? message.payload : Buffer.concat(parts.map((part) => part.payload));
          const place = { sequence: sequence - parts.length + 1, nextSequence: sequence + 1 };
          entries.push({ index, arrivalMs, recordCount, payload, ...place });
          parts = [];
        }
        const isStuck = parts.length > 0 || (entries.length === 0 && outcome.messages.length > 0);
        if (!isStuck) return { entries, damage, nextSequence: fromSequence };
        if (outcome.messages.length > 0) continue;
      }
      await this.#clock.sleep(delayMs);
      delayMs = Math.min(delayMs * 2, RETRY_DELAY_MS_MAX);
    }
  }
}

/** The first of entries, as a read wants them. */
export function within<Entry extends StoredEntry>(
  candidates: readonly Entry[],
  { maxBytes, maxRecords }: ReadLimits,
): Entry[] {
  const entries: Entry[] = [];
  let bytes = 0;
  let records = 0;
  for (const entry of candidates) {
    if (bytes >= maxBytes || records >= maxRecords) break;
    entries.push(entry);
    bytes += entry.payload.length;
    records += entry.recordCount;
  }
  return entries;
}
