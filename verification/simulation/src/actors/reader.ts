/**
 * Reads streams as applications do: from any kind of position, on through the children at a shard's end, and
 * again from a checkpoint after it was interrupted.
 */
import type { Random } from "@millrace/runtime";
import type { ShardModel, StreamModel } from "../ledger.ts";
import { shardOf } from "../ledger.ts";
import { pick } from "../profile.ts";
import { Client } from "../world/client.ts";
import type { Cast } from "./cast.ts";
import { anyStream, turn } from "./cast.ts";
import type { Start } from "./reading.ts";
import { ShardReader } from "./reading.ts";

const MINUTE_MS = 60_000;

export async function reader(cast: Cast): Promise<void> {
  const client = new Client(cast.world);
  const random = cast.world.part();
  while (await turn(cast, random.below(60))) {
    const stream = anyStream(cast, random);
    const shards =
      stream === undefined
        ? []
        : [...stream.shards.values()].filter(({ vanished }) => vanished === undefined);
    if (stream === undefined || shards.length === 0) continue;
    await follow(cast, client, random, stream, pick(random, shards));
  }
}

/** Reads a shard, and its descendants as long as it gets to the ends of shards. */
async function follow(
  cast: Cast,
  client: Client,
  random: Random,
  stream: StreamModel,
  shard: ShardModel,
): Promise<void> {
  const shardReader = new ShardReader(cast, client, stream, shard);
  const refused = await shardReader.open(randomStart(cast, random, shard));
  if (refused !== undefined) return;
  const limit = pick(random, [1, 7, 100, 10_000]);
  for (let polls = 1 + random.below(4); polls > 0; polls -= 1) {
    const end = await shardReader.read(1 + random.below(6), limit);
    if (end === "shard end") {
      const child = shardReader.children[random.below(Math.max(1, shardReader.children.length))];
      if (child !== undefined) await follow(cast, client, random, stream, shardOf(stream, child.shardId));
      return;
    }
    if (end === "refused" || end === "lost" || !(await turn(cast, random.below(80)))) return;
  }
}

function randomStart({ world }: Cast, random: Random, shard: ShardModel): Start {
  const { leastMs } = world.moment();
  switch (random.below(6)) {
    case 0:
      return { type: "LATEST" };
    case 1:
      return {
        type: "AT_TIMESTAMP",
        timestampMs: leastMs - random.below(pick(random, [100, 10_000, 600 * MINUTE_MS])),
      };
    case 2:
    case 3:
      // The checkpoint of an application that was interrupted: mostly near the tip.
      if (shard.sorted.length > 0) {
        const back =
          random.below(3) === 0
            ? random.below(shard.sorted.length)
            : random.below(Math.min(20, shard.sorted.length));
        const checkpoint = shard.sorted.at(-1 - back);
        if (checkpoint !== undefined) {
          const type = pick(random, ["AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"] as const);
          return { type, sequenceNumber: checkpoint.sequenceNumber };
        }
      }
      return { type: "TRIM_HORIZON" };
    default:
      return { type: "TRIM_HORIZON" };
  }
}
