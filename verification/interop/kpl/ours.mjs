/**
 * What `@millrace/producer` packs, taken apart by the KCL's own de-aggregator: `node verification/interop/kpl/ours.mjs`, after `npm run
 * build` and `mvn -q -f verification/interop/kcl package`. It ends with 1 when something is not as it should be.
 *
 * First user records of every kind: keys beyond ASCII, explicit hash keys, no data, all bytes, large data. Then many while two shards
 * are split and two are merged. The KCL must see each once, byte for byte, where the producer was told, each key's in order.
 */
import assert from "node:assert/strict";
import { createProducer } from "../../../packages/producer/dist/index.js";
import { nodeRuntime } from "../../../packages/runtime/dist/index.js";
import { play } from "./scene.mjs";

const STREAM = "orders";
const KEY_COUNT = 200;
const COUNT = 40_000;
const HASH_KEY_MAX = 2n ** 128n - 1n;
const { clock, random } = nodeRuntime();

await play({ stream: STREAM, shardCount: 4 }, async (scene) => {
  const { client } = scene;
  console.log(`what @millrace/producer packs, at ${scene.endpoint}`);
  const producer = createProducer({
    client,
    stream: STREAM,
    clock,
    random,
    // A request that a busy machine leaves without an answer would be put twice.
    requestTimeoutMs: 60_000,
    recordTtlMs: 120_000,
  });

  const kinds = [...everyKind()];
  const accepted = [];
  for (const record of kinds) accepted.push(await producer.put(record));
  const places = await Promise.all(accepted.map(({ result }) => result));
  checkKinds(kinds, places, await scene.readByKcl());

  const numbered = [];
  let resharding;
  for (let number = 0; number < COUNT; number += 1) {
    numbered.push(
      await producer.put({ partitionKey: `user-${number % KEY_COUNT}`, data: `${number} of ${COUNT}` }),
    );
    if (number === COUNT / 4) resharding = reshard(client);
    // Spread over the reshards, which take less than a second.
    if (number % 500 === 0) await clock.sleep(20);
  }
  await resharding;
  const results = await Promise.all(numbered.map(({ result }) => result));
  await producer.close();
  const attempts = results.flatMap((result) => result.attempts);
  const strayed = attempts.filter(({ errorCode }) => errorCode === "WrongShard").length;
  const seen = await scene.readByKcl();
  checkNumbered(results, seen, strayed);
  console.log("what @millrace/producer packs: as it should be");
});

function* everyKind() {
  const allBytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
  const dataOf = [
    Buffer.alloc(0),
    Buffer.from("x"),
    allBytes,
    Buffer.alloc(30_000, "large"),
    Buffer.from("grün\0\u2028"),
  ];
  const keys = ["a", "schlüssel", "鍵", "🔑", "k".repeat(256)];
  for (let at = 0; at < 400; at += 1) {
    const partitionKey = keys[at % keys.length];
    const data = dataOf[(at + Math.floor(at / 5)) % dataOf.length];
    const explicitHashKey = at % 3 === 0 ? String((BigInt(at) * HASH_KEY_MAX) / 399n) : undefined;
    yield explicitHashKey === undefined ? { partitionKey, data } : { partitionKey, data, explicitHashKey };
  }
}

/** The KCL finds each where the producer was told that it is. */
function checkKinds(kinds, places, seen) {
  assert.equal(seen.length, kinds.length);
  const found = new Map(seen.map((record) => [placeOf(record), record]));
  let packedCount = 0;
  for (const [at, { partitionKey, explicitHashKey, data }] of kinds.entries()) {
    const record = found.get(placeOf(places[at]));
    assert.equal(record?.partitionKey, partitionKey, `key of ${at}`);
    assert.ok(record.data.equals(data), `data of ${at}`);
    // A record that went by itself was put with its hash key, which nobody can read again.
    if (places[at].subSequenceNumber === undefined) continue;
    packedCount += 1;
    assert.equal(record.explicitHashKey, explicitHashKey, `explicit hash key of ${at}`);
  }
  assert.ok(packedCount > kinds.length / 2);
  console.log(
    `  ${kinds.length} user records of every kind come back byte for byte, ${packedCount} of them packed`,
  );
}

function checkNumbered(results, seen, strayed) {
  const lastOf = new Map();
  const found = new Map();
  const numbered = seen.filter(({ partitionKey }) => partitionKey.startsWith("user-"));
  numbered.sort((one, other) => {
    const [left, right] = [BigInt(one.sequenceNumber), BigInt(other.sequenceNumber)];
    if (left !== right) return left < right ? -1 : 1;
    return one.subSequenceNumber - other.subSequenceNumber;
  });
  for (const record of numbered) {
    const number = Number.parseInt(record.data.toString(), 10);
    assert.equal(record.data.toString(), `${number} of ${COUNT}`);
    assert.equal(record.partitionKey, `user-${number % KEY_COUNT}`);
    assert.ok(!found.has(number), `${number} is seen once`);
    assert.ok(number > (lastOf.get(record.partitionKey) ?? -1), `${number} comes in order`);
    lastOf.set(record.partitionKey, number);
    found.set(number, placeOf(record));
  }
  assert.equal(found.size, COUNT);
  for (const [number, result] of results.entries()) assert.equal(found.get(number), placeOf(result));
  const shardCount = new Set(numbered.map(({ shardId }) => shardId)).size;
  console.log(
    `  ${COUNT} in ${shardCount} shards are seen once, each key's in order, while shards were split and merged;` +
      ` ${strayed} went astray and were put again`,
  );
}

async function reshard(client) {
  const { Shards } = await client.listShards({ StreamName: STREAM });
  for (const { ShardId, HashKeyRange } of Shards.slice(0, 2)) {
    const middle = (BigInt(HashKeyRange.StartingHashKey) + BigInt(HashKeyRange.EndingHashKey)) / 2n;
    await client.splitShard({
      StreamName: STREAM,
      ShardToSplit: ShardId,
      NewStartingHashKey: String(middle),
    });
    await untilActive(client);
  }
  await client.mergeShards({
    StreamName: STREAM,
    ShardToMerge: Shards[2].ShardId,
    AdjacentShardToMerge: Shards[3].ShardId,
  });
}

async function untilActive(client) {
  for (;;) {
    const { StreamDescriptionSummary } = await client.describeStreamSummary({ StreamName: STREAM });
    if (StreamDescriptionSummary.StreamStatus === "ACTIVE") return;
    await clock.sleep(20);
  }
}

function placeOf({ shardId, sequenceNumber, subSequenceNumber }) {
  return `${shardId} ${sequenceNumber} ${subSequenceNumber ?? 0}`;
}
