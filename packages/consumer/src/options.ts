import type { Clock, Logger, Random } from "@millrace/runtime";
import type { ErrorPolicy } from "./delivery/record-runner.ts";
import type { LeaseStore } from "./leases/lease-store.ts";
import type { ReadingClient } from "./reading-client.ts";
import type { Retrieval } from "./retrieval/shard-source.ts";

/** Where an application begins in shards that it has no checkpoint for. */
export type InitialPosition = "TRIM_HORIZON" | "LATEST" | { readonly timestamp: Date };

/** A stream that differs from the others of its consumer. */
export interface StreamOptions {
  /** Its name or its ARN. */
  readonly stream: string;
  /** Default: that of the consumer. */
  readonly initialPosition?: InitialPosition;
}

/** Settings of a consumer, which is one worker of an application. */
export interface ConsumerOptions {
  readonly client: ReadingClient;
  /** All workers of an application share its leases. Also the name under which it registers for fan-out. */
  readonly applicationName: string;
  /** Names or ARNs, or those with settings of their own. */
  readonly streams: readonly (string | StreamOptions)[];
  readonly leaseStore: LeaseStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly log?: Logger;

  /** No two living workers may have the same. Default: a random one. */
  readonly workerId?: string;
  /** `polling()` or `fanOut()`. Default: `polling()`. */
  readonly retrieval?: Retrieval;
  /** Default: `TRIM_HORIZON`. */
  readonly initialPosition?: InitialPosition;
  /**
   * Whether lease keys name the stream too, as in the KCL's multi-stream mode. Default: when there are several streams.
   * It stays as it was when the leases were made.
   */
  readonly isMultiStream?: boolean;

  /** How long a worker may be silent before others take its leases, in milliseconds. Default: 10,000. */
  readonly leaseDurationMs?: number;
  /** How often leases without an owner are looked for, in milliseconds. Default: `leaseDurationMs`. */
  readonly takeIntervalMs?: number;
  /** How long the lease store may take for an answer, in milliseconds. Default: a third of `leaseDurationMs`. */
  readonly storeTimeoutMs?: number;
  /** Most leases that this worker wants. Default: no bound. */
  readonly leaseCountMax?: number;
  /** Most leases that it asks another worker for at a time. Default: 1. */
  readonly stealCountMax?: number;
  /** How long handlers may take to finish when a lease is handed over or the worker stops, in milliseconds. Default: 30,000. */
  readonly handOffTimeoutMs?: number;
  /** How often shards and leases are compared, in milliseconds. Default: 60,000. */
  readonly shardSyncIntervalMs?: number;
  /**
   * How often a leader of the KCL is told how this worker is, where there is one, in milliseconds: the KCL's
   * `workerMetricsReporterFreqInMillis`. Default: 30,000.
   */
  readonly workerReportIntervalMs?: number;
  /**
   * How busy this worker was since the last call, in percent; `processorLoad()` of the runtime is one. Told to a leader of the KCL whose
   * workers tell theirs. Default: none, and the leader goes by what the leases carry.
   */
  readonly processorLoad?: () => number;
  /** How often a shard looks whether its parents are finished, in milliseconds. Default: 2,000. */
  readonly parentPollIntervalMs?: number;
  /** With so many records of a shard fetched and not dealt with, no more are fetched. Default: 20,000. */
  readonly recordsInFlightMax?: number;
}

/** How a record handler is called. */
export interface RunOptions {
  /**
   * Most records of one shard that are handled at once. Those of one partition key never are: each waits for the one
   * before it. Default: 1.
   */
  readonly concurrency?: number;
  /** What happens when the handler fails. Default: `retry`. */
  readonly onError?: ErrorPolicy;
  /** How often the place up to which all is done is stored, in milliseconds. Default: 5,000. */
  readonly checkpointIntervalMs?: number;
}

/** @throws {RangeError} when a number is no positive one. */
export function checkNumbers(numbers: { readonly [name: string]: number }): void {
  for (const [name, value] of Object.entries(numbers)) {
    if (!(value > 0)) throw new RangeError(`${name} has to be above 0, not ${value}`);
  }
}
