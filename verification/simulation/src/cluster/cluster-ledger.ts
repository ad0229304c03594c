/**
 * What all clients of a cluster know together, and the checkers: whatever anybody is told is compared with everything that anybody was
 * ever told. A shard log's entry has one value, so that it can be known again.
 */
import { type AppendOutcome, readBatch, type ReadOutcome, type ShardLogId } from "@millrace/log";
import { BrokenPromise } from "../broken-promise.ts";

export interface Put {
  readonly logId: ShardLogId;
  readonly value: string;
  /** It was called after somebody had learnt that the log is closed. */
  readonly isLate: boolean;
  outcome: AppendOutcome | undefined;
}

export interface KnownLog {
  readonly logId: ShardLogId;
  /** By index: what was read there, or acknowledged. */
  readonly places: Map<number, { readonly value: string; readonly arrivalMs: number }>;
  highestAcknowledged: number;
  /** Somebody was told that the close has happened. */
  isClosed: boolean;
  endIndex: number | undefined;
  /** The highest trim point that anybody asked for, and that anybody was told to be in force. */
  trimAsked: number;
  trimmed: number;
  dropAsked: boolean;
  isDropped: boolean;
}

export class ClusterLedger {
  readonly puts: Put[] = [];
  readonly logs = new Map<ShardLogId, KnownLog>();
  /** Keys of the state that were committed, and keys that were refused. */
  readonly committedKeys = new Map<string, string>();
  readonly refusedKeys = new Set<string>();
  readonly #placeOf = new Map<string, { readonly logId: ShardLogId; readonly index: number }>();
  readonly #replacedRevisions = new Set<number>();
  #readCount = 0;

  get readCount(): number {
    return this.#readCount;
  }

  countOf(kind: AppendOutcome["kind"]): number {
    return this.puts.filter(({ outcome }) => outcome?.kind === kind).length;
  }

  log(logId: ShardLogId): KnownLog {
    let log = this.logs.get(logId);
    if (log === undefined) {
      log = {
        logId,
        places: new Map(),
        highestAcknowledged: 0,
        isClosed: false,
        endIndex: undefined,
        trimAsked: 1,
        trimmed: 1,
        dropAsked: false,
        isDropped: false,
      };
      this.logs.set(logId, log);
    }
    return log;
  }

  putBegins(logId: ShardLogId, value: string): Put {
    const { isClosed, endIndex } = this.log(logId);
    const put: Put = { logId, value, isLate: isClosed || endIndex !== undefined, outcome: undefined };
    this.puts.push(put);
    return put;
  }

  putEnds(put: Put, outcome: AppendOutcome): void {
    put.outcome = outcome;
    if (outcome.kind !== "appended") return;
    const { logId, value } = put;
    const { index, arrivalMs } = outcome;
    const log = this.log(logId);
    if (put.isLate || (log.endIndex !== undefined && index >= log.endIndex)) {
      throw new BrokenPromise(
        "closed-is-closed",
        `${value} was acknowledged at ${logId}/${index}, ${put.isLate ? "put after the close was known" : `behind the end at ${log.endIndex}`}`,
      );
    }
    this.#place(log, index, value, arrivalMs);
    log.highestAcknowledged = Math.max(log.highestAcknowledged, index);
  }

  /** A change of the state was made that expected a revision of a key, which nobody else can have replaced. */
  replaced(revision: number): void {
    if (this.#replacedRevisions.has(revision))
      throw new BrokenPromise("one-total-order", `two changes replaced revision ${revision} of one key`);
    this.#replacedRevisions.add(revision);
  }

  /** What a read of a log gave, to whomever. */
  read(reader: string, logId: ShardLogId, fromIndex: number, outcome: ReadOutcome): void {
    const log = this.log(logId);
    if (outcome.kind === "trimmed") {
      if (outcome.trimIndex > log.trimAsked) {
        throw new BrokenPromise(
          "kept-until-retention-and-gone-after",
          `${reader} finds log ${logId} trimmed to ${outcome.trimIndex}, asked for was ${log.trimAsked}`,
        );
      }
      return;
    }
    if (outcome.kind === "gone") {
      if (!log.dropAsked)
        throw new BrokenPromise("acknowledged-is-durable", `log ${logId} is gone for ${reader}`);
      return;
    }
    if (outcome.kind !== "entries") {
      throw new BrokenPromise(
        "acknowledged-is-durable",
        `${reader} cannot read log ${logId}: ${JSON.stringify(outcome)}`,
      );
    }
    let next = fromIndex;
    for (const { index, arrivalMs, payload } of outcome.entries) {
      this.#readCount += 1;
      if (index !== next)
        throw new BrokenPromise(
          "one-total-order",
          `${reader} got entry ${index} of log ${logId} for ${next}`,
        );
      next += 1;
      if (log.endIndex !== undefined && index >= log.endIndex)
        throw new BrokenPromise(
          "closed-is-closed",
          `${reader} got entry ${index} of log ${logId}, which ends at ${log.endIndex}`,
        );
      this.#place(log, index, valueOf(payload), arrivalMs);
    }
    if (next !== outcome.nextIndex)
      throw new BrokenPromise(
        "one-total-order",
        `${reader} shall go on at ${outcome.nextIndex} instead of ${next} in log ${logId}`,
      );
    if (outcome.ended) this.#ends(reader, log, outcome.nextIndex);
  }

  /** Where a gateway says that entries begin which arrived at a time or later; it may not know the newest ones. */
  found(reader: string, { logId, places, trimAsked }: KnownLog, arrivalMs: number, index: number): void {
    for (const [other, place] of places) {
      if (other < trimAsked || other >= index || place.arrivalMs < arrivalMs) continue;
      throw new BrokenPromise(
        "one-total-order",
        `${reader} finds ${arrivalMs} at ${logId}/${index}, but ${other} arrived ${place.arrivalMs}`,
      );
    }
  }

  /** When everything is calm: what must be true of a log of which all was read just now, through one gateway. */
  wholeLog(
    reader: string,
    log: KnownLog,
    bounds: { readonly trimIndex: number; readonly nextIndex: number },
  ): void {
    const { logId } = log;
    if (bounds.trimIndex < log.trimmed || bounds.trimIndex > log.trimAsked) {
      throw new BrokenPromise(
        "kept-until-retention-and-gone-after",
        `log ${logId} is trimmed to ${bounds.trimIndex} for ${reader}, not ${log.trimmed} to ${log.trimAsked}`,
      );
    }
    if (log.highestAcknowledged >= bounds.nextIndex)
      throw new BrokenPromise(
        "acknowledged-is-durable",
        `${logId}/${log.highestAcknowledged} was acknowledged, and for ${reader} the log goes up to ${bounds.nextIndex}`,
      );
    const highest = Math.max(0, ...log.places.keys());
    if (highest >= bounds.nextIndex)
      throw new BrokenPromise(
        "one-total-order",
        `${logId}/${highest} was read once, and for ${reader} the log goes up to ${bounds.nextIndex}`,
      );
    let arrivalMs = 0;
    for (const [index, place] of [...log.places].sort(([one], [other]) => one - other)) {
      if (place.arrivalMs < arrivalMs)
        throw new BrokenPromise("one-total-order", `${logId}/${index} arrived before the one before it`);
      ({ arrivalMs } = place);
    }
    if (log.isClosed && log.endIndex === undefined)
      throw new BrokenPromise("closed-is-closed", `log ${logId} was closed, and has no end for ${reader}`);
  }

  /** When everything was read: what was refused is nowhere. */
  refusedIsNowhere(): void {
    for (const { value, outcome } of this.puts) {
      if (outcome?.kind !== "closed" && outcome?.kind !== "read-only") continue;
      const place = this.#placeOf.get(value);
      if (place !== undefined) {
        const where = `${place.logId}/${place.index}`;
        throw new BrokenPromise(
          "one-total-order",
          `${value} was refused (${outcome.kind}) and is at ${where}`,
        );
      }
    }
  }

  #ends(reader: string, log: KnownLog, endIndex: number): void {
    if (log.endIndex === endIndex) return;
    const highest = Math.max(0, ...log.places.keys());
    if (log.endIndex !== undefined || highest >= endIndex) {
      throw new BrokenPromise(
        "closed-is-closed",
        `log ${log.logId} ends at ${endIndex} for ${reader}: ` +
          (log.endIndex === undefined ? `it has an entry ${highest}` : `it ended at ${log.endIndex}`),
      );
    }
    log.endIndex = endIndex;
  }

  #place(log: KnownLog, index: number, value: string, arrivalMs: number): void {
    const { logId } = log;
    const known = log.places.get(index);
    if (known !== undefined && (known.value !== value || known.arrivalMs !== arrivalMs))
      throw new BrokenPromise(
        "one-total-order",
        `${logId}/${index} is ${value} of ${arrivalMs} and was ${known.value} of ${known.arrivalMs}`,
      );
    const other = this.#placeOf.get(value);
    if (other !== undefined && (other.logId !== logId || other.index !== index))
      throw new BrokenPromise(
        "one-total-order",
        `${value} is at ${logId}/${index} and at ${other.logId}/${other.index}`,
      );
    if (known !== undefined) return;
    log.places.set(index, { value, arrivalMs });
    this.#placeOf.set(value, { logId, index });
  }
}

function valueOf(payload: Uint8Array): string {
  const { dataStart, dataEnd } = readBatch(payload).records[0]!;
  const text = Buffer.from(payload.subarray(dataStart, dataEnd)).toString("latin1");
  const end = text.indexOf(" ");
  // A large entry is its value and then blanks, all of which must have come.
  if (end >= 0 && text.trimEnd().length !== end)
    throw new BrokenPromise("one-total-order", `an entry that begins with ${text.slice(0, end)} is torn`);
  return end < 0 ? text : `${text.slice(0, end)}+${text.length - end}`;
}
