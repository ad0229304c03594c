/** Reads back what is known, and lets the checkers find what is missing. */
import type { Random } from "@millrace/runtime";
import type { ShardModel, StreamModel } from "../ledger.ts";
import { Client } from "../world/client.ts";
import type { Cast } from "./cast.ts";
import { UnexpectedAnswer } from "./cast.ts";
import { listShards } from "./listing.ts";
import type { Start } from "./reading.ts";
import { ShardReader } from "./reading.ts";

const PAGE_RECORDS = 10_000;
/** The end of a shard is what a crash could take: this many of its known records are asked for. */
const TAIL_RECORDS = 40;
const RETRY_MS = 50;
const TRIES_MAX = 200;

/** Reads the newest records of each shard: what the last acknowledgements were about. */
export async function auditTails(cast: Cast, random: Random): Promise<void> {
  const client = new Client(cast.world);
  for (const stream of cast.ledger.streams.values()) {
    for (const shard of stream.shards.values()) {
      if (shard.vanished !== undefined || stream.doomedOrder < Infinity) continue;
      const back = random.below(TAIL_RECORDS);
      const from = shard.sorted.at(-1 - back);
      const start: Start =
        from === undefined
          ? { type: "TRIM_HORIZON" }
          : { type: "AFTER_SEQUENCE_NUMBER", sequenceNumber: from.sequenceNumber };
      if (!(await readAll(cast, client, stream, shard, start))) return;
    }
  }
}

/** Reads everything of every stream. */
export async function auditEverything(cast: Cast): Promise<void> {
  const client = new Client(cast.world);
  for (const stream of [...cast.ledger.streams.values()]) {
    if (stream.doomedOrder < Infinity) continue;
    await insist(cast, `ListShards of ${stream.name}`, () => listShards(cast, client, stream));
    for (const shard of stream.shards.values()) {
      if (shard.vanished !== undefined || shard.startingSequenceNumber === undefined) continue;
      await insist(cast, `reading ${stream.name}/${shard.shardId}`, async () =>
        (await readAll(cast, client, stream, shard, { type: "TRIM_HORIZON" })) ? true : undefined,
      );
    }
  }
}

/** Repeats what may get no answer. */
export async function insist<T>(
  { world }: Cast,
  what: string,
  work: () => Promise<T | undefined>,
): Promise<T> {
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    const result = await work();
    if (result !== undefined) return result;
    await world.clock.sleep(RETRY_MS);
  }
  throw new UnexpectedAnswer(`${what} did not succeed in ${TRIES_MAX} tries on a calm machine`);
}

/** False when the server went away meanwhile, or no answer came. */
async function readAll(
  cast: Cast,
  client: Client,
  stream: StreamModel,
  shard: ShardModel,
  start: Start,
): Promise<boolean> {
  const reader = new ShardReader(cast, client, stream, shard);
  const refused = await reader.open(start);
  if (refused === "lost") return false;
  if (refused !== undefined) return true;
  const end = await reader.read(Infinity, PAGE_RECORDS);
  return end !== "lost";
}
