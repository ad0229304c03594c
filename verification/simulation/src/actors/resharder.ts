/** Splits and merges shards and changes their number, while puts go on; a burst of them races each close. */
import type { Random } from "@millrace/runtime";
import { HASH_KEY_MAX } from "@millrace/model";
import type { ListedShard } from "../checkers/events.ts";
import type { StreamModel } from "../ledger.ts";
import { Client } from "../world/client.ts";
import type { Cast } from "./cast.ts";
import { anyStream, expectRefusal, turn } from "./cast.ts";
import { listShards } from "./listing.ts";
import { putOne } from "./producer.ts";

const OPEN_SHARDS_MAX = 8;
/** What a reshard may be answered when another change came first, or a lost one after all. */
const OVERTAKEN = [
  "ResourceInUseException",
  "ResourceNotFoundException",
  "InvalidArgumentException",
  "LimitExceededException",
  "ValidationException",
];
/** Longer than UPDATING lasts. */
const RACE_MS = 70;

export async function resharder(cast: Cast): Promise<void> {
  const client = new Client(cast.world);
  const random = cast.world.part();
  while (await turn(cast, random.below(cast.world.profile.resharding ? 500 : 1_500))) {
    const stream = anyStream(cast, random);
    if (stream === undefined) continue;
    const listed = await listShards(cast, client, stream);
    if (listed === undefined || !cast.world.profile.resharding) continue;
    const asked = await reshard(cast, client, random, stream, listed);
    if (asked) await race(cast, client, random, stream);
  }
}

async function reshard(
  cast: Cast,
  client: Client,
  random: Random,
  stream: StreamModel,
  listed: readonly ListedShard[],
): Promise<boolean> {
  const open = listed
    .filter(({ endingSequenceNumber }) => endingSequenceNumber === undefined)
    .sort((one, other) => (one.start < other.start ? -1 : 1));
  const at = random.below(open.length);
  const [shard, next] = [open[at], open[at + 1]];
  const dice = random.below(10);
  if (dice < 2) {
    const TargetShardCount = Math.max(1, Math.min(OPEN_SHARDS_MAX, open.length - 1 + random.below(4)));
    const outcome = await client.call("UpdateShardCount", {
      StreamName: stream.name,
      TargetShardCount,
      ScalingType: "UNIFORM_SCALING",
    });
    if (outcome.kind === "refused") expectRefusal(cast, "UpdateShardCount", outcome, stream, OVERTAKEN);
    return outcome.kind !== "refused";
  }
  if (shard !== undefined && next !== undefined && (dice < 5 || open.length >= OPEN_SHARDS_MAX)) {
    const outcome = await client.call("MergeShards", {
      StreamName: stream.name,
      ShardToMerge: shard.shardId,
      AdjacentShardToMerge: next.shardId,
    });
    if (outcome.kind === "refused") expectRefusal(cast, "MergeShards", outcome, stream, OVERTAKEN);
    return outcome.kind !== "refused";
  }
  if (shard === undefined || shard.end - shard.start < 4n) return false;
  const share = BigInt(1 + random.below(999));
  const newStart = shard.start + 1n + ((shard.end - shard.start - 2n) * share) / 1000n;
  if (newStart > HASH_KEY_MAX) return false;
  const outcome = await client.call("SplitShard", {
    StreamName: stream.name,
    ShardToSplit: shard.shardId,
    NewStartingHashKey: String(newStart),
  });
  if (outcome.kind === "refused") expectRefusal(cast, "SplitShard", outcome, stream, OVERTAKEN);
  return outcome.kind !== "refused";
}

/** Puts all the time until the shards have changed, so that some wait in line with the close. */
async function race(cast: Cast, client: Client, random: Random, stream: StreamModel): Promise<void> {
  const { world } = cast;
  const { life } = world;
  const untilMs = world.clock.monotonicMs() + RACE_MS;
  const puts: Promise<unknown>[] = [];
  while (world.clock.monotonicMs() < untilMs && world.life === life && world.server !== undefined) {
    const put = putOne(cast, client, random, stream);
    // What it rejects with is heard below; until then it must not count as heard by nobody.
    put.catch(() => undefined);
    puts.push(put);
    await world.clock.sleep(random.below(4));
  }
  await Promise.all(puts);
}
