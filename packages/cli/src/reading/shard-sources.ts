import { ServiceError } from "@millrace/api";
import { isLasting, type KinesisClient, type SubscriptionEvent } from "@millrace/client";
import type { Clock } from "@millrace/runtime";
import type { TellWait } from "../output/waiting.ts";

export type StreamRecord = SubscriptionEvent["Records"][number];

/** Where in a shard to begin. */
export type ShardPosition =
  | { readonly Type: "LATEST" | "TRIM_HORIZON" }
  | { readonly Type: "AT_TIMESTAMP"; readonly Timestamp: number }
  | { readonly Type: "AT_SEQUENCE_NUMBER" | "AFTER_SEQUENCE_NUMBER"; readonly SequenceNumber: string };

export interface ShardBatch {
  readonly records: readonly StreamRecord[];
  readonly behindMs: number;
  /** Set in the last batch of a closed shard. */
  readonly children?: readonly { readonly ShardId: string; readonly ParentShards: readonly string[] }[];
}

/** Reads one shard, batch by batch, until its end or until `signal` is aborted. */
export type ShardSource = (
  shardId: string,
  position: ShardPosition,
  signal: AbortSignal,
) => AsyncIterable<ShardBatch>;

/** A shard answers five calls a second. */
const POLL_INTERVAL_MS = 200;
/** How long reading waits for a server that went away, looking once a second. */
const GONE_SECONDS_MAX = 300;
/** A shard may be subscribed to again 5 s after the last time. */
const SUBSCRIBE_INTERVAL_MS = 5_000;

/** Asks again and again, as applications without fan-out do. */
export function pollingSource(
  client: KinesisClient,
  streamName: string,
  clock: Clock,
  tellWait: TellWait = () => {},
): ShardSource {
  return async function* (shardId, start, signal) {
    let position = start;
    let goneSeconds = 0;
    let iterator: string | undefined = await iteratorAt(position);
    while (iterator !== undefined && !signal.aborted) {
      const beganMs = clock.monotonicMs();
      let answer;
      try {
        answer = await client.getRecords({ ShardIterator: iterator }, { signal });
      } catch (failure) {
        const code = failure instanceof ServiceError ? failure.code : "";
        if (code === "ExpiredIteratorException") {
          // The reader of our output was slower than an iterator lives.
          iterator = await iteratorAt(position);
        } else if (code === "ConnectionFailed" && goneSeconds < GONE_SECONDS_MAX) {
          goneSeconds += 1;
          tellWait(`the server is gone (${reasonOf(failure)}); trying each second for ${GONE_SECONDS_MAX} s`);
          await pause(clock, 1_000, signal);
        } else {
          throw failure;
        }
        continue;
      }
      goneSeconds = 0;
      const last = answer.Records.at(-1);
      if (last !== undefined)
        position = { Type: "AFTER_SEQUENCE_NUMBER", SequenceNumber: last.SequenceNumber };
      iterator = answer.NextShardIterator;
      yield {
        records: answer.Records,
        behindMs: answer.MillisBehindLatest ?? 0,
        ...(iterator === undefined ? { children: answer.ChildShards ?? [] } : {}),
      };
      const restMs = POLL_INTERVAL_MS - (clock.monotonicMs() - beganMs);
      if (iterator !== undefined && restMs > 0) await pause(clock, restMs, signal);
    }

    async function iteratorAt(at: ShardPosition): Promise<string | undefined> {
      const { ShardIterator } = await client.getShardIterator(
        {
          StreamName: streamName,
          ShardId: shardId,
          ShardIteratorType: at.Type,
          ...("Timestamp" in at ? { Timestamp: at.Timestamp } : {}),
          ...("SequenceNumber" in at ? { StartingSequenceNumber: at.SequenceNumber } : {}),
        },
        { signal },
      );
      return ShardIterator;
    }
  };
}

/** Lets records be pushed as they become durable, to a registered consumer. */
export function fanOutSource(
  client: KinesisClient,
  consumerArn: string,
  clock: Clock,
  tellWait: TellWait = () => {},
): ShardSource {
  return async function* (shardId, start, signal) {
    let position = start;
    while (!signal.aborted) {
      const beganMs = clock.monotonicMs();
      try {
        for await (const event of client.subscribeToShard(
          { ConsumerARN: consumerArn, ShardId: shardId, StartingPosition: position },
          { signal },
        )) {
          const ended = event.ChildShards !== undefined && event.ChildShards.length > 0;
          yield {
            records: event.Records,
            behindMs: event.MillisBehindLatest,
            ...(ended ? { children: event.ChildShards } : {}),
          };
          if (ended) return;
          position = { Type: "AFTER_SEQUENCE_NUMBER", SequenceNumber: event.ContinuationSequenceNumber };
        }
      } catch (failure) {
        // A subscription ends after five minutes, when its server restarts, and when another takes it over.
        if (!(failure instanceof ServiceError) || !MAY_SUBSCRIBE_AGAIN.has(failure.code)) throw failure;
        if (isLasting(failure)) throw failure;
        tellWait(`${shardId} is subscribed to again after ${failure.code}: ${failure.message}`);
      }
      const restMs = SUBSCRIBE_INTERVAL_MS - (clock.monotonicMs() - beganMs);
      if (restMs > 0) await pause(clock, restMs, signal);
    }
  };
}

const MAY_SUBSCRIBE_AGAIN = new Set([
  "ResourceInUseException",
  "InternalFailureException",
  "ConnectionFailed",
]);

function reasonOf(failure: unknown): string {
  return failure instanceof Error ? failure.message : String(failure);
}

/** Sleeps, but not longer than until `signal` is aborted. */
export function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const stop = () => {
      timer.cancel();
      resolve();
    };
    const timer = clock.schedule(delayMs, () => {
      signal.removeEventListener("abort", stop);
      resolve();
    });
    signal.addEventListener("abort", stop, { once: true });
  });
}
