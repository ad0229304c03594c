/** Listing the shards of a stream, with the listing reported. */
import type { StreamModel } from "../ledger.ts";
import type { Client } from "../world/client.ts";
import type { ListedShard } from "../checkers/events.ts";
import type { Cast } from "./cast.ts";
import { expectRefusal } from "./cast.ts";

/** Undefined when no answer came, or none that lists shards. */
export async function listShards(
  cast: Cast,
  client: Client,
  stream: StreamModel,
): Promise<readonly ListedShard[] | undefined> {
  const outcome = await client.call("ListShards", { StreamName: stream.name });
  if (outcome.kind === "refused") {
    expectRefusal(
      cast,
      "ListShards",
      outcome,
      stream,
      stream.doomedOrder < outcome.received.order ? ["ResourceInUseException"] : [],
    );
  }
  if (outcome.kind !== "answered") return undefined;
  const { sent, received, output } = outcome;
  // It may be another incarnation's.
  if (!cast.ledger.isCurrent(stream) || stream.doomedOrder < received.order) return undefined;
  const shards = (output.Shards ?? []).map(
    ({ ShardId, ParentShardId, AdjacentParentShardId, HashKeyRange, SequenceNumberRange }) => ({
      shardId: ShardId,
      parents: [ParentShardId, AdjacentParentShardId].filter((id) => id !== undefined),
      start: BigInt(HashKeyRange.StartingHashKey),
      end: BigInt(HashKeyRange.EndingHashKey),
      startingSequenceNumber: SequenceNumberRange.StartingSequenceNumber,
      endingSequenceNumber: SequenceNumberRange.EndingSequenceNumber,
    }),
  );
  cast.witness.listed({ stream, shards, sent, received });
  return shards;
}
