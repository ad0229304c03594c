import type { Clock } from "@millrace/runtime";
import type { AttemptError } from "./attempt-error.ts";
import type { Counters } from "./metrics.ts";
import type { Settings } from "./options.ts";
import type { PutUnit } from "./put-request.ts";
import { PutFailedError, type QueuedRecord, type SharedAttempt } from "./record.ts";

const THROTTLES: ReadonlySet<string> = new Set([
  "ProvisionedThroughputExceededException",
  "KMSThrottlingException",
  "ThrottlingException",
]);

export interface OutcomeHooks {
  /** Records have their outcome: their room is free. */
  readonly onSettled: (sizeBytes: number, count: number) => void;
  readonly onFailure: ((failure: PutFailedError) => void) | undefined;
}

/** Tells records what became of them, and says which are tried again. */
export class Outcomes {
  readonly #clock: Clock;
  readonly #recordTtlMs: number;
  readonly #failOnThrottled: boolean;
  readonly #counters: Counters;
  readonly #hooks: OutcomeHooks;
  #abandoned: AttemptError | undefined;

  constructor({ clock, recordTtlMs, failOnThrottled }: Settings, counters: Counters, hooks: OutcomeHooks) {
    this.#clock = clock;
    this.#recordTtlMs = recordTtlMs;
    this.#failOnThrottled = failOnThrottled;
    this.#counters = counters;
    this.#hooks = hooks;
  }

  /** From here on nothing is tried again. */
  abandon(error: AttemptError): void {
    this.#abandoned = error;
  }

  /** The unit was stored where consumers read it. */
  stored(
    { records, isAggregate }: PutUnit,
    { shardId, sequenceNumber }: { readonly shardId: string; readonly sequenceNumber: string },
    attempt: SharedAttempt,
  ): void {
    const placement = { shardId, sequenceNumber, isAggregate, attempt };
    let settledBytes = 0;
    for (let index = 0; index < records.length; index += 1) {
      const record = records[index]!;
      this.#counters.recordLatency.add(attempt.endedMs - record.acceptedMs);
      settledBytes += record.sizeBytes;
      record.stored(placement, index);
    }
    this.#counters.putRecordCount += 1;
    this.#counters.storedCount += records.length;
    this.#counters.storedBytes += settledBytes;
    this.#hooks.onSettled(settledBytes, records.length);
  }

  /** The unit was stored where the KCL drops it; returns the user records that are tried again. */
  strayed(
    unit: PutUnit,
    shardId: string,
    times: { readonly beganMs: number; readonly endedMs: number },
  ): QueuedRecord[] {
    this.#counters.putRecordCount += 1;
    const message = `the record was stored in ${shardId} with others, of which not all belong there`;
    return this.failed(unit, { code: "WrongShard", message }, times, false);
  }

  /** The unit was not stored, as far as is known; returns the user records that are tried again. */
  failed(
    { records }: PutUnit,
    error: AttemptError,
    { beganMs, endedMs }: { readonly beganMs: number; readonly endedMs: number },
    isFinal: boolean,
  ): QueuedRecord[] {
    this.#counters.failedAttempt(error.code);
    const attempt = { beganMs, endedMs, errorCode: error.code, errorMessage: error.message };
    return records.filter((record) => {
      record.attemptFailed(attempt);
      return this.#goesAgain(record, error, isFinal, endedMs);
    });
  }

  /** `otherwise` is what kept it from being sent, when it never was. */
  giveUpExpired(record: QueuedRecord, otherwise: AttemptError | undefined): void {
    const { lastFailedAttempt: lastAttempt } = record;
    const last =
      lastAttempt?.errorCode === undefined
        ? otherwise
        : { code: lastAttempt.errorCode, message: lastAttempt.errorMessage ?? "" };
    const reason = last === undefined ? "it was never sent" : `${last.code}: ${last.message}`;
    this.giveUp(record, {
      code: "RecordExpired",
      message: `the record was not stored within ${this.#recordTtlMs} ms: ${reason}`,
    });
  }

  giveUp(record: QueuedRecord, { code, message }: AttemptError): void {
    this.#counters.failedCount += 1;
    const failure = new PutFailedError(code, message, record);
    record.failed(failure);
    this.#hooks.onSettled(record.sizeBytes, 1);
    try {
      this.#hooks.onFailure?.(failure);
    } catch (bug) {
      this.report(bug);
    }
  }

  /** A bug is thrown where nothing of ours is half done. */
  report(bug: unknown): void {
    this.#clock.soon(() => {
      throw bug;
    });
  }

  /** False when the record has been given up. */
  #goesAgain(record: QueuedRecord, error: AttemptError, isFinal: boolean, nowMs: number): boolean {
    if (this.#abandoned !== undefined) {
      this.giveUp(record, this.#abandoned);
    } else if (isFinal || (this.#failOnThrottled && THROTTLES.has(error.code))) {
      this.giveUp(record, error);
    } else if (record.acceptedMs + this.#recordTtlMs <= nowMs) {
      this.giveUpExpired(record, undefined);
    } else {
      return true;
    }
    return false;
  }
}
