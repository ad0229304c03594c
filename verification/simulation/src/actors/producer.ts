/** Puts records, one by one and in batches, and reports which were acknowledged. */
import type { Random } from "@millrace/runtime";
import type { Attempt, StreamModel } from "../ledger.ts";
import { dataOf, shardOf } from "../ledger.ts";
import { Client } from "../world/client.ts";
import type { Cast } from "./cast.ts";
import { anyStream, expectRefusal, turn } from "./cast.ts";

const BATCH_MAX = 20;

export async function producer(cast: Cast): Promise<void> {
  const client = new Client(cast.world);
  const random = cast.world.part();
  while (
    await turn(cast, random.below(cast.ledger.attempts.size < cast.world.profile.attemptsMany ? 40 : 600))
  ) {
    const stream = anyStream(cast, random);
    if (stream === undefined) continue;
    // Now and then several at once: they share a commit, or race each other to one.
    const count = random.below(5) === 0 ? 2 + random.below(4) : 1;
    await Promise.all(
      Array.from({ length: count }, () =>
        random.below(3) === 0 ? putBatch(cast, client, random, stream) : putOne(cast, client, random, stream),
      ),
    );
  }
}

export async function putOne(
  cast: Cast,
  client: Client,
  random: Random,
  stream: StreamModel,
): Promise<boolean> {
  const key = randomKey(random);
  const attempt = newAttempt(cast, random, stream, key);
  const outcome = await client.call("PutRecord", {
    StreamName: stream.name,
    Data: dataOf(attempt),
    PartitionKey: key.partitionKey,
    ...(key.explicitHashKey === undefined ? {} : { ExplicitHashKey: key.explicitHashKey }),
  });
  if (outcome.kind === "refused") expectRefusal(cast, "PutRecord", outcome, stream);
  if (outcome.kind !== "answered") return false;
  const { ShardId, SequenceNumber } = outcome.output;
  const { received } = outcome;
  cast.witness.acknowledged({
    stream,
    shard: shardOf(stream, ShardId),
    attempt,
    sequenceNumber: SequenceNumber,
    received,
  });
  return true;
}

async function putBatch(cast: Cast, client: Client, random: Random, stream: StreamModel): Promise<void> {
  // Bodies in which every record is plain have a quick way of their own through the server.
  const isPlain = random.below(2) === 0;
  const records = Array.from({ length: 1 + random.below(BATCH_MAX) }, () => {
    const key = isPlain ? plainKey(random) : randomKey(random);
    return { key, attempt: newAttempt(cast, random, stream, key) };
  });
  const outcome = await client.call("PutRecords", {
    StreamName: stream.name,
    Records: records.map(({ key, attempt }) => ({
      Data: dataOf(attempt),
      PartitionKey: key.partitionKey,
      ...(key.explicitHashKey === undefined ? {} : { ExplicitHashKey: key.explicitHashKey }),
    })),
  });
  if (outcome.kind === "refused") expectRefusal(cast, "PutRecords", outcome, stream);
  if (outcome.kind !== "answered") return;
  const { sent, received } = outcome;
  for (const [index, { attempt }] of records.entries()) {
    const result = outcome.output.Records[index];
    if (result?.ShardId !== undefined && result.SequenceNumber !== undefined) {
      const shard = shardOf(stream, result.ShardId);
      cast.witness.acknowledged({ stream, shard, attempt, sequenceNumber: result.SequenceNumber, received });
    } else {
      const refusal = {
        code: result?.ErrorCode ?? "nothing",
        message: result?.ErrorMessage ?? "",
        sent,
        received,
      };
      expectRefusal(cast, "PutRecords", refusal, stream);
    }
  }
}

interface Key {
  readonly partitionKey: string;
  readonly explicitHashKey?: string;
}

const UNUSUAL_KEYS = ["ключ", "鍵🔑", 'a "quoted" \\ key', "\u0001\n\t", "é".normalize("NFD")];

function plainKey(random: Random): Key {
  return { partitionKey: `user-${random.below(200)}` };
}

function randomKey(random: Random): Key {
  const partitionKey =
    random.below(10) === 0
      ? (UNUSUAL_KEYS[random.below(UNUSUAL_KEYS.length)] as string)
      : plainKey(random).partitionKey;
  if (random.below(5) !== 0) return { partitionKey };
  const explicit = BigInt(`0x${Buffer.from(random.bytes(16)).toString("hex")}`);
  return { partitionKey, explicitHashKey: String(explicit) };
}

function newAttempt({ ledger, world }: Cast, random: Random, stream: StreamModel, key: Key): Attempt {
  const isLarge = random.fraction() < world.profile.largeRecordShare;
  const sizeBytes = isLarge ? 1_000 + random.below(6_000) : 8 + random.below(200);
  return ledger.attempt(stream.name, key, sizeBytes, world.moment());
}
