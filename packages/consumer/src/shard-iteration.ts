import type { ShardSession } from "./delivery/shard-session.ts";
import type { ExtendedSequenceNumber } from "./leases/extended-sequence-number.ts";
import type { ConsumerRecord } from "./retrieval/user-records.ts";

/** The lease is not this worker's any more: another one goes on from the last checkpoint that was stored. */
export class LeaseLostError extends Error {
  override readonly name = "LeaseLostError";
}

/** Records of one shard, in order. */
export interface ShardBatch {
  readonly records: readonly ConsumerRecord[];
  readonly millisBehindLatest: number;
  /**
   * Stores that everything was processed up to the end of the batch, or up to and with one of its records.
   *
   * @throws {LeaseLostError} when another worker may have the shard.
   */
  checkpoint(upTo?: Pick<ConsumerRecord, "sequenceNumber" | "subSequenceNumber">): Promise<void>;
}

/**
 * A shard that this worker holds the lease of. Iterating gives its records until the shard ends, another worker asks for
 * it, the lease is lost or the consumer stops. Asking for the next batch gives the last one's memory back; asking past the last
 * batch of a closed shard says that all of it was processed, and its children can begin. Leaving the loop before gives the
 * lease up, and whoever takes it goes on from the last checkpoint.
 */
export interface ConsumerShard extends AsyncIterable<ShardBatch> {
  readonly streamName: string;
  readonly shardId: string;
  /** Aborted when the lease is lost. */
  readonly signal: AbortSignal;
}

/** @param closed called when the session has ended. */
export function consumerShard(session: ShardSession, closed: () => void): ConsumerShard {
  const place = ({ sequenceNumber, subSequenceNumber }: ExtendedSequenceNumber) => ({
    sequenceNumber,
    subSequenceNumber,
  });
  return {
    streamName: session.streamName,
    shardId: session.shardId,
    signal: session.lost,
    async *[Symbol.asyncIterator]() {
      let isComplete = false;
      try {
        for (;;) {
          const delivery = await session.next();
          if (delivery === undefined) break;
          const { records, end, millisBehindLatest } = delivery;
          yield {
            records,
            millisBehindLatest,
            async checkpoint(upTo) {
              if (await session.checkpoint(place(upTo ?? end))) return;
              throw new LeaseLostError(`the lease of ${session.shardId} was lost`);
            },
          };
          session.giveBack(records.length);
        }
        isComplete = session.hasEnded;
      } finally {
        await session.close(isComplete);
        closed();
      }
    },
  };
}
