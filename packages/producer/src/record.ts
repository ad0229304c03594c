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
   * `WrongShard` when it was, within an aggregated record, in a shard whose consumers drop it.
   */
  readonly errorCode: string | undefined;
  readonly errorMessage: string | undefined;
}

export interface PutResult {
  readonly shardId: string;
  readonly sequenceNumber: string;
  /** Its index in the aggregated record; undefined when the record was put by itself. */
  readonly subSequenceNumber: number | undefined;
  /** The last {@link ATTEMPTS_KEPT}, the oldest first. */
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
  /** The last {@link ATTEMPTS_KEPT}, the oldest first. */
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
export const ATTEMPTS_KEPT = 32;

/** One attempt as all records of a request share it. Times are the clock's monotonic ones. */
export interface SharedAttempt {
  readonly beganMs: number;
  readonly endedMs: number;
  readonly errorCode: string | undefined;
  readonly errorMessage: string | undefined;
}

/** A record on its way. There is one object per record and, until somebody asks for the result, no promise. */
export class QueuedRecord implements AcceptedRecord {
  /** Counts up in the order of acceptance. */
  readonly id: number;
  readonly partitionKey: string;
  readonly partitionKeyBytes: number;
  readonly explicitHashKey: string | undefined;
  readonly data: Uint8Array;
  readonly acceptedMs: number;
  /** Those who wait for it: a flush, and maybe a whole `putAll`. */
  readonly epoch: PutGroup;
  readonly group: PutGroup | undefined;

  attemptCount = 0;
  /** A request with this record and others was refused for its content: it goes by itself now. */
  isAlone = false;

  #attempts: SharedAttempt[] | undefined;
  #shardId: string | undefined;
  #sequenceNumber = "";
  #subSequenceNumber: number | undefined;
  #failure: PutFailedError | undefined;
  #promise: Promise<PutResult> | undefined;
  #resolve: ((result: PutResult) => void) | undefined;
  #reject: ((failure: PutFailedError) => void) | undefined;

  constructor(
    id: number,
    { partitionKey, partitionKeyBytes, explicitHashKey, data }: PreparedRecord,
    acceptedMs: number,
    epoch: PutGroup,
    group: PutGroup | undefined,
  ) {
    this.id = id;
    this.partitionKey = partitionKey;
    this.partitionKeyBytes = partitionKeyBytes;
    this.explicitHashKey = explicitHashKey;
    this.data = data;
    this.acceptedMs = acceptedMs;
    this.epoch = epoch;
    this.group = group;
  }

  /** Key and data, as limits count them. */
  get sizeBytes(): number {
    return this.partitionKeyBytes + this.data.length;
  }

  get result(): Promise<PutResult> {
    this.#promise ??= this.#makePromise();
    return this.#promise;
  }

  get lastAttempt(): SharedAttempt | undefined {
    return this.#attempts?.at(-1);
  }

  /** Adds an attempt that has ended. */
  attempted(attempt: SharedAttempt): void {
    this.attemptCount += 1;
    this.#attempts ??= [];
    if (this.#attempts.length === ATTEMPTS_KEPT) this.#attempts.shift();
    this.#attempts.push(attempt);
  }

  attempts(): PutAttempt[] {
    let fromMs = this.acceptedMs;
    return (this.#attempts ?? []).map(({ beganMs, endedMs, errorCode, errorMessage }) => {
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

  stored(shardId: string, sequenceNumber: string, subSequenceNumber: number | undefined): void {
    this.#shardId = shardId;
    this.#sequenceNumber = sequenceNumber;
    this.#subSequenceNumber = subSequenceNumber;
    this.#resolve?.(this.#makeResult(shardId));
    this.epoch.succeeded();
    this.group?.succeeded();
  }

  failed(failure: PutFailedError): void {
    this.#failure = failure;
    this.#reject?.(failure);
    this.epoch.failed(failure);
    this.group?.failed(failure);
  }

  #makePromise(): Promise<PutResult> {
    if (this.#shardId !== undefined) return Promise.resolve(this.#makeResult(this.#shardId));
    const promise =
      this.#failure === undefined
        ? new Promise<PutResult>((resolve, reject) => {
            this.#resolve = resolve;
            this.#reject = reject;
          })
        : Promise.reject(this.#failure);
    promise.catch(() => undefined);
    return promise;
  }

  #makeResult(shardId: string): PutResult {
    return {
      shardId,
      sequenceNumber: this.#sequenceNumber,
      subSequenceNumber: this.#subSequenceNumber,
      attempts: this.attempts(),
      attemptCount: this.attemptCount,
    };
  }
}

/** A record that was looked through and may be queued. */
export interface PreparedRecord {
  readonly partitionKey: string;
  readonly partitionKeyBytes: number;
  readonly explicitHashKey: string | undefined;
  readonly data: Uint8Array;
}
