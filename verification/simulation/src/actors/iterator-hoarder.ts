/** Uses iterators late, after restarts, after their stream was deleted and made again, and after changing them. */
import type { Random } from "@millrace/runtime";
import { Client } from "../world/client.ts";
import type { Cast } from "./cast.ts";
import { anyStream, expectRefusal, turn } from "./cast.ts";
import type { HeldIterator } from "./reading.ts";
import { ShardReader } from "./reading.ts";

const HELD_MAX = 12;

export async function iteratorHoarder(cast: Cast): Promise<void> {
  const client = new Client(cast.world);
  const random = cast.world.part();
  const held: HeldIterator[] = [];
  while (await turn(cast, 20 + random.below(200))) {
    const stream = anyStream(cast, random);
    const shards =
      stream === undefined
        ? []
        : [...stream.shards.values()].filter(({ vanished }) => vanished === undefined);
    const shard = shards[random.below(Math.max(1, shards.length))];
    if (stream !== undefined && shard !== undefined && held.length < HELD_MAX) {
      const shardReader = new ShardReader(cast, client, stream, shard);
      const refused = await shardReader.open({ type: random.below(2) === 0 ? "TRIM_HORIZON" : "LATEST" });
      if (refused === undefined && shardReader.iterator !== undefined) held.push(shardReader.iterator);
    }
    const [iterator] = held.length === 0 ? [] : held.splice(random.below(held.length), 1);
    if (iterator === undefined || random.below(2) === 0) {
      if (iterator !== undefined) held.push(iterator);
      continue;
    }
    await use(cast, client, random, iterator);
  }
}

async function use(cast: Cast, client: Client, random: Random, iterator: HeldIterator): Promise<void> {
  const forged = random.below(4) === 0;
  const token = forged ? changed(iterator.token, random) : iterator.token;
  const outcome = await client.call("GetRecords", { ShardIterator: token, Limit: 1 });
  if (outcome.kind === "lost") return;
  const { sent, received } = outcome;
  if (
    outcome.kind === "refused" &&
    !["InvalidArgumentException", "ExpiredIteratorException", "ResourceNotFoundException"].includes(
      outcome.code,
    )
  ) {
    expectRefusal(cast, "GetRecords", outcome, iterator.stream);
    return;
  }
  const answer = outcome.kind === "refused" ? outcome : { kind: outcome.kind };
  cast.witness.iteratorUsed({ ...iterator, forged, sent, received, answer });
}

/** The token with one character changed; not the last ones, whose bits may not all count. */
function changed(token: string, random: Random): string {
  const at = random.below(token.length - 4);
  const other = token[at] === "A" ? "B" : "A";
  return token.slice(0, at) + other + token.slice(at + 1);
}
