import type { PutGroup } from "./put-group.ts";

/** A user record: what a consumer sees again, whether it was aggregated on the way or not. */
export interface RecordToPut {
  /** 1 to 256 characters. */
  readonly partitionKey: string;
  /**
   * Bytes, or a text of which the UTF-8 is stored. Bytes are not copied: they must not be written to before the
   * record has its outcome.
   */
  readonly data: Uint8Array | string;
  /** Decimal, in `[0, 2^128)`: the place on the ring instead of the partition key's. */
  readonly explicitHashKey?: string;
}

/** One attempt to store a record: a PutRecords request that it was part of. */
export interface PutAttempt {
  /** Milliseconds that the record waited: since it was accepted, or since the attempt before. */
  readonly delayMs: number;
  /** Milliseconds from sending to the answer. */
  readonly durationMs: number;
  readonly isSuccess: boolean;
  /**
   * The service's code; `ConnectionFailed` or `DeadlineExceeded` when nobody knows whether it was stored;
   * `WrongShard` when it was, within an aggregated record of which the KCL drops all, because not all of it belongs into the shard.
   */
  readonly errorCode: string | undefined;
  readonly errorMessage: string | undefined;
}

/** Where a record was stored. */
export interface PutResult {
  readonly shardId: string;
  readonly sequenceNumber: string;
  /** Its index in the aggregated record; undefined when the record was put by itself. */
  readonly subSequenceNumber: number | undefined;
  /** The last 32, the oldest first. */
  readonly attempts: readonly PutAttempt[];
  /** How many there were. */
  readonly attemptCount: number;
}

/** A record that the producer has taken over. */
export interface AcceptedRecord {
  /**
   * Resolves when the record is stored, rejects with a {@link PutFailedError}. Who never reads it pays nothing
   * for it, and a rejection that nobody looks at is not an unhandled one.
   */
  readonly result: Promise<PutResult>;
}

/**
 * A record was not stored, as far as is known. `code` says why it was given up: `RecordExpired` (its
 * `recordTtlMs` passed), `ProducerClosed` (the time for closing passed), or the service's code when trying
 * again could not help.
 */
export class PutFailedError extends Error {
  override readonly name = "PutFailedError";
  readonly code: string;
  readonly partitionKey: string;
  readonly explicitHashKey: string | undefined;
  /** The bytes that were to be stored; compressed, if the producer does that. */
  readonly data: Uint8Array;
  /** The last 32, the oldest first. */
  readonly attempts: readonly PutAttempt[];
  readonly attemptCount: number;

  constructor(code: string, message: string, record: QueuedRecord) {
    super(message);
    this.code = code;
    this.partitionKey = record.partitionKey;
    this.explicitHashKey = record.explicitHashKey;
    this.data = record.data;
    this.attempts = record.attempts();
    this.attemptCount = record.attemptCount;
  }
}

/** Attempts of a record that are remembered, so that an outage of days does not fill the memory. */
const ATTEMPTS_KEPT = 32;

/** One attempt as all records of a request share it. Times are the clock's monotonic ones. */
export interface SharedAttempt {
  readonly beganMs: number;
  readonly endedMs: number;
  readonly errorCode: string | undefined;
  readonly errorMessage: string | undefined;
}

/** Where a record of a request was stored, as all user records in it share it. */
export interface Placement {
  readonly shardId: string;
  readonly sequenceNumber: string;
  readonly isAggregate: boolean;
  readonly attempt: SharedAttempt;
}

interface Asked {
  readonly promise: Promise<PutResult>;
  readonly resolve: (result: PutResult) => void;
  readonly reject: (failure: PutFailedError) => void;
}

/**
 * A record on its way. There are many of them and they live long enough to be costly, so there is one small object for
 * each: what only some need hangs on it, and what many have alike is shared.
 */
export class QueuedRecord implements AcceptedRecord {
  readonly partitionKey: string;
  readonly partitionKeyBytes: number;
  readonly explicitHashKey: string | undefined;
  readonly data: Uint8Array;

  /** Counts up in the order of acceptance. */
  id = 0;
  acceptedMs = 0;
  /** Those who wait for it: a flush, and maybe a whole `putAll`. */
  #epoch: PutGroup | undefined;
  #group: PutGroup | undefined;

  attemptCount = 0;
  /** A request with this record and others was refused for its content: it goes by itself now. */
  isAlone = false;

  #failedAttempts: SharedAttempt[] | undefined;
  #outcome: Placement | PutFailedError | undefined;
  #index = 0;
  #asked: Asked | undefined;

  constructor(
    partitionKey: string,
    partitionKeyBytes: number,
    explicitHashKey: string | undefined,
    data: Uint8Array,
  ) {
    this.partitionKey = partitionKey;
    this.partitionKeyBytes = partitionKeyBytes;
    this.explicitHashKey = explicitHashKey;
    this.data = data;
  }

  /** The producer takes it over. */
  accept(id: number, acceptedMs: number, epoch: PutGroup, group: PutGroup | undefined): void {
    this.id = id;
    this.acceptedMs = acceptedMs;
    this.#epoch = epoch;
    this.#group = group;
    epoch.accepted();
    group?.accepted();
  }

  /** Key and data, as limits count them. */
  get sizeBytes(): number {
    return this.partitionKeyBytes + this.data.length;
  }

  get result(): Promise<PutResult> {
    this.#asked ??= this.#ask();
    return this.#asked.promise;
  }

  get lastFailedAttempt(): SharedAttempt | undefined {
    return this.#failedAttempts?.at(-1);
  }

  /** Adds an attempt that has ended without storing it. */
  attemptFailed(attempt: SharedAttempt): void {
    this.attemptCount += 1;
    if (this.#failedAttempts === undefined) {
      this.#failedAttempts = [attempt];
      return;
    }
    if (this.#failedAttempts.length === ATTEMPTS_KEPT) this.#failedAttempts.shift();
    this.#failedAttempts.push(attempt);
  }

  attempts(): PutAttempt[] {
    let fromMs = this.acceptedMs;
    const all = this.#failedAttempts?.slice() ?? [];
    if (this.#outcome !== undefined && "attempt" in this.#outcome) all.push(this.#outcome.attempt);
    return all.slice(-ATTEMPTS_KEPT).map(({ beganMs, endedMs, errorCode, errorMessage }) => {
      const delayMs = beganMs - fromMs;
      fromMs = endedMs;
      return {
        delayMs,
        durationMs: endedMs - beganMs,
        isSuccess: errorCode === undefined,
        errorCode,
        errorMessage,
      };
    });
  }

  /** `index`: its place among the user records of the stored one. */
  stored(placement: Placement, index: number): void {
    this.attemptCount += 1;
    this.#outcome = placement;
    this.#index = index;
    this.#asked?.resolve(this.#resultOf(placement));
    this.#epoch?.succeeded();
    this.#group?.succeeded();
  }

  failed(failure: PutFailedError): void {
    this.#outcome = failure;
    this.#asked?.reject(failure);
    this.#epoch?.failed(failure);
    this.#group?.failed(failure);
  }

  #ask(): Asked {
    let resolve: Asked["resolve"] = () => undefined;
    let reject: Asked["reject"] = () => undefined;
    const promise = new Promise<PutResult>((resolvePromise, rejectPromise) => {
      resolve = resolvePromise;
      reject = rejectPromise;
    });
    promise.catch(() => undefined);
    if (this.#outcome instanceof PutFailedError) reject(this.#outcome);
    else if (this.#outcome !== undefined) resolve(this.#resultOf(this.#outcome));
    return { promise, resolve, reject };
  }

  #resultOf({ shardId, sequenceNumber, isAggregate }: Placement): PutResult {
    return {
      shardId,
      sequenceNumber,
      subSequenceNumber: isAggregate ? this.#index : undefined,
      attempts: this.attempts(),
      attemptCount: this.attemptCount,
    };
  }
}
