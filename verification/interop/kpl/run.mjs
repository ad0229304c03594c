/**
 * The KPL, unchanged, against a Millrace of its own: `node verification/interop/kpl/run.mjs`, after `npm run build` and
 * `mvn -q -f verification/interop/kpl package` (and `…/kcl`). It ends with 1 when something is not as it should be.
 *
 * Four shards with the service's limits. 20,000 user records, of each key the next when the last is stored: all must be stored, each
 * key's in order. Then 20,000 while requests fail in every way, and 60,000 as fast as the KPL takes them while a shard is split: all must
 * be stored. What is stored is taken apart by the KCL's own de-aggregator and by `@millrace/consumer`, which must agree with each other and with what
 * was put. The metrics that the KPL sends must have come, and its certificate checks must mean something. Where the service spreads records
 * by itself (AUTO), the KPL must see that and pack none.
 */
import assert from "node:assert/strict";
import { play } from "./scene.mjs";

const STREAM = "orders";
const KEY_COUNT = 1_000;
const SIZE_BYTES = 100;
const STEADY_COUNT = 20_000;
const FAULTY_COUNT = 20_000;
const FAST_COUNT = 60_000;
const COUNT = STEADY_COUNT + FAULTY_COUNT + FAST_COUNT;

await play({ stream: STREAM, shardCount: 4 }, async (scene) => {
  const { client } = scene;
  console.log(`KPL 1.1.1 at ${scene.tlsEndpoint}`);
  const stored = new Map();

  // Each key's next record waits for the one before: the KPL's threads overtake each other, even within a record that it packs.
  const steady = await scene.startKpl({ CaCertFile: scene.certificate, MetricsUploadDelay: 1_000 });
  for (let first = 0; first < STEADY_COUNT; first += KEY_COUNT) {
    const from = steady.lines.length;
    steady.say(`put ${first} ${KEY_COUNT} ${SIZE_BYTES} ${KEY_COUNT} 0`);
    await steady.line(/^done /, from);
  }
  noteStored(steady, STEADY_COUNT, stored);
  await scene.until("the metrics of the KPL count what was put", async () => {
    const points = await scene.metricPoints("UserRecordsPut");
    return sumOf(points.filter(isOfStream)) === STEADY_COUNT;
  });
  assert.equal(await steady.stop(), 0);

  // What the service may answer on a bad day: the KPL has to understand it, and to try again.
  for (const fault of [
    { kind: "partial", share: 0.2, count: 50 },
    { kind: "partial", share: 0.1, count: 20, code: "InternalFailure" },
    { kind: "throttle", count: 2 },
    { kind: "fail", code: "InternalFailure", count: 2 },
    { kind: "drop", stage: "before", count: 1 },
    { kind: "drop", stage: "after", count: 1 },
  ]) {
    await scene.addFault({ operation: "PutRecords", ...fault });
  }
  const faulty = await scene.startKpl({ VerifyCertificate: false, AggregationMaxCount: 10 });
  faulty.say(`put ${STEADY_COUNT} ${FAULTY_COUNT} ${SIZE_BYTES} ${KEY_COUNT} 0`);
  await faulty.line(/^done /);
  noteStored(faulty, FAULTY_COUNT, stored);
  assert.equal(await faulty.stop(), 0);
  for (const { kind, hitCount } of await scene.faults()) assert.ok(hitCount > 0, `${kind} has come`);

  // The settings as they come, but for the certificate, and a split on the way.
  const fast = await scene.startKpl({ VerifyCertificate: false });
  fast.say(`put ${STEADY_COUNT + FAULTY_COUNT} ${FAST_COUNT} ${SIZE_BYTES} ${KEY_COUNT} 0`);
  await fast.line(/^stored/);
  const { Shards } = await client.listShards({ StreamName: STREAM });
  const { StartingHashKey, EndingHashKey } = Shards[0].HashKeyRange;
  await client.splitShard({
    StreamName: STREAM,
    ShardToSplit: Shards[0].ShardId,
    NewStartingHashKey: String((BigInt(StartingHashKey) + BigInt(EndingHashKey)) / 2n),
  });
  await fast.line(/^done /);
  noteStored(fast, FAST_COUNT, stored);
  assert.equal(await fast.stop(), 0);

  const byConsumer = await scene.readByConsumer();
  checkWhatIsSeen(byConsumer, stored);
  compareReaders(await scene.readByKcl(), byConsumer);

  await playAuto(scene);

  // Who checks certificates and does not know this one puts nothing.
  const wary = await scene.startKpl({ RecordTtl: 3_000 });
  wary.say(`put ${COUNT} 1 ${SIZE_BYTES} 1 0`);
  assert.match(await wary.line(/^(?:stored|failed) /), /^failed .*(?:SSL|certificate|cert)/i);
  assert.equal(await wary.stop(), 0);
  console.log("  without the certificate and without VerifyCertificate=false it puts nothing");

  const requests = await scene.requestCounts();
  assert.equal(requests.unknown, undefined, "the KPL has asked for what is not served");
  for (const [operation, counts] of Object.entries(requests)) {
    console.log(`    ${operation} ${JSON.stringify(counts)}`);
  }
  console.log("KPL: as it should be");
});

/** A stream whose keys are ignored: packed user records would go anywhere. */
async function playAuto(scene) {
  const { client } = scene;
  const StreamName = "spread";
  await client.createStream({
    StreamName,
    StreamModeDetails: { StreamMode: "ON_DEMAND" },
    RecordDistributionStrategy: "AUTO",
  });
  await scene.until("a stream with AUTO is active", async () => {
    const { StreamDescriptionSummary } = await client.describeStreamSummary({ StreamName });
    return StreamDescriptionSummary.StreamStatus === "ACTIVE";
  });
  const kpl = await scene.startKpl({ CaCertFile: scene.certificate }, { stream: StreamName });
  kpl.say(`put 0 1000 ${SIZE_BYTES} ${KEY_COUNT} 0`);
  await kpl.line(/^done /);
  noteStored(kpl, 1_000, new Map());
  assert.equal(await kpl.stop(), 0);
  const seen = await scene.readByKcl({ stream: StreamName });
  const numbers = new Set(seen.map(({ data }) => Number.parseInt(data.toString(), 10)));
  assert.equal(numbers.size, 1_000);
  const recordCount = new Set(seen.map(({ sequenceNumber }) => sequenceNumber)).size;
  assert.equal(recordCount, seen.length, "none was packed");
  console.log("  where the service spreads records by itself, the KPL packs none");
}

/** Notes each record's place, as the KPL was told it. None may have failed. */
function noteStored(kpl, count, stored) {
  assert.deepEqual(
    kpl.lines.filter((line) => line.startsWith("failed ")),
    [],
  );
  const before = stored.size;
  const errors = {};
  for (const line of kpl.lines) {
    const [what, number, shardId, sequenceNumber, ...failures] = line.split(" ");
    if (what !== "stored") continue;
    stored.set(Number(number), { shardId, sequenceNumber });
    for (const failure of failures) errors[failure] = (errors[failure] ?? 0) + 1;
  }
  assert.equal(stored.size - before, count);
  const retries = Object.entries(errors).map(
    ([code, times]) => `${times} for ${code === "" ? "want of an answer" : code}`,
  );
  console.log(`  ${count} user records are stored; tried again: ${retries.join(", ") || "none"}`);
}

/** Each user record is there as it was put, where the KPL was told; those that were put steadily in the order of each key. */
function checkWhatIsSeen(seen, stored) {
  const places = new Map();
  const lastOf = new Map();
  const sequenceNumbers = new Set();
  let againCount = 0;
  for (const { shardId, sequenceNumber, partitionKey, data } of seen) {
    sequenceNumbers.add(`${shardId} ${sequenceNumber}`);
    const text = data.toString("latin1");
    const number = Number.parseInt(text, 10);
    assert.equal(text, `${number} ${"x".repeat(SIZE_BYTES)}`.slice(0, SIZE_BYTES));
    assert.equal(partitionKey, `user-${number % KEY_COUNT}`);
    if (places.has(number)) againCount += 1;
    places.set(number, [...(places.get(number) ?? []), `${shardId} ${sequenceNumber}`]);
    if (number >= STEADY_COUNT) continue;
    assert.ok(number > (lastOf.get(partitionKey) ?? -1), `${number} comes after ${lastOf.get(partitionKey)}`);
    lastOf.set(partitionKey, number);
  }
  assert.equal(places.size, COUNT);
  for (const [number, { shardId, sequenceNumber }] of stored) {
    assert.ok(places.get(number).includes(`${shardId} ${sequenceNumber}`), `the place of ${number}`);
  }
  const shards = new Set(seen.map(({ shardId }) => shardId));
  assert.ok(
    shards.has("shardId-000000000004") && shards.has("shardId-000000000005"),
    "children have records",
  );
  assert.ok(sequenceNumbers.size < COUNT / 20, "user records were packed");
  console.log(
    `  all ${COUNT} are seen by @millrace/consumer as they were put, in ${sequenceNumbers.size} records of ${shards.size} shards,` +
      ` ${againCount} of them again; ${STEADY_COUNT} in the order of each key`,
  );
}

/**
 * Both readers give the same user records, but for one thing. Where an aggregated record went to a shard in which only some of its
 * user records belong, the KCL drops all of them, and the consumer only the others: the KPL may have taken those for stored, which is why
 * nothing is said here about how many the KCL misses.
 */
function compareReaders(byKcl, byConsumer) {
  const inKcl = new Set(byKcl.map(recordOf));
  const entire = byConsumer.filter((record) => inKcl.has(recordOf(record)));
  assert.equal(entire.length, byKcl.length, "what the KCL sees, the consumer sees as well");
  const stored = new Set(byKcl.map(({ sequenceNumber }) => sequenceNumber));
  const rest = byConsumer.filter((record) => !inKcl.has(recordOf(record)));
  const missedCount = COUNT - new Set(byKcl.map(({ data }) => Number.parseInt(data.toString(), 10))).size;
  for (const { sequenceNumber } of rest) {
    assert.ok(!stored.has(sequenceNumber), `the KCL drops ${sequenceNumber} as a whole`);
  }
  console.log(
    `  the KCL takes the same apart, but for ${rest.length} user records of aggregated ones that it drops as a whole;` +
      ` it misses ${missedCount} by that`,
  );
}

function recordOf({ shardId, sequenceNumber, subSequenceNumber, partitionKey, explicitHashKey, data }) {
  return [
    shardId,
    sequenceNumber,
    subSequenceNumber,
    partitionKey,
    explicitHashKey,
    data.toString("hex"),
  ].join();
}

function isOfStream({ dimensions }) {
  return Object.keys(dimensions).join() === "StreamName" && dimensions.StreamName === STREAM;
}

function sumOf(points) {
  return points.reduce((sum, { statistics }) => sum + statistics.sum, 0);
}
