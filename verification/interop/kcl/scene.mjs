/** What the scenarios share: a Millrace of their own, workers as processes, what the workers tell, and what must be so of it. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createDynamoClient, createKinesisClient } from "../../../packages/client/dist/index.js";
import { openDynamoLeaseStore } from "../../../packages/consumer/dist/index.js";
import { startMillrace } from "../../../packages/millrace/dist/index.js";
import { nodeRuntime } from "../../../packages/runtime/dist/index.js";

export const STREAM = "orders";
export const REGION = "us-east-1";
const PATIENCE_MS = 300_000;
const KEY_COUNT = 64;
const PUT_COUNT = 200;

/**
 * A Millrace with a stream, for an application: one of its own, or the one at `ENDPOINT`, whose limits should be off. Of a cluster,
 * `PUT_ENDPOINT` may be another server, through which the stream is made, split and written. Or the one that is given, as `startMillrace`
 * gives it.
 */
export async function openScene({ application, shardCount, millrace: given }) {
  const { ENDPOINT: endpoint, PUT_ENDPOINT: putEndpoint = endpoint } = process.env;
  const { clock, random } = nodeRuntime();
  const far = {
    endpoint,
    region: REGION,
    credentials: { accessKeyId: "000000000000", secretAccessKey: "secret" },
    clock,
    random,
  };
  const millrace =
    given ??
    (endpoint === undefined
      ? await startOne(shardCount)
      : await reachOne(endpoint, createKinesisClient({ ...far, endpoint: putEndpoint }), shardCount, clock));
  const tables = createDynamoClient({ ...far, endpoint: millrace.endpoint });
  return new Scene(millrace, tables, clock, application);
}

function startOne(shardCount) {
  return startMillrace({
    streams: { [STREAM]: shardCount },
    region: REGION,
    transitionDelayMs: 50,
    // Records that a rate refuses would have to be put again, out of order.
    limits: "off",
  });
}

async function reachOne(endpoint, client, ShardCount, clock) {
  await client.createStream({ StreamName: STREAM, ShardCount });
  for (;;) {
    const { StreamDescriptionSummary } = await client.describeStreamSummary({ StreamName: STREAM });
    if (StreamDescriptionSummary.StreamStatus === "ACTIVE") break;
    await clock.sleep(100);
  }
  return { endpoint, client, close: () => client.close() };
}

class Scene {
  constructor(millrace, tables, clock, application) {
    this.millrace = millrace;
    this.client = millrace.client;
    this.endpoint = millrace.endpoint;
    this.tables = tables;
    this.clock = clock;
    this.application = application;
    /** Every line that any worker has told, and when it did: {worker, atMs, line}, in the order in which they came here. */
    this.told = [];
    this.workers = [];
    this.putCount = 0;
    this.isPutting = false;
    this.seen = new Set();
  }

  async put(count) {
    for (let done = 0; done < count; done += PUT_COUNT) {
      const Records = Array.from({ length: PUT_COUNT }, () => {
        const number = this.putCount++;
        return { PartitionKey: `key-${number % KEY_COUNT}`, Data: Buffer.from(String(number)) };
      });
      const { FailedRecordCount } = await this.client.putRecords({ StreamName: STREAM, Records });
      assert.equal(FailedRecordCount, 0);
    }
  }

  async split(shardId, newStartingHashKey) {
    await this.client.splitShard({
      StreamName: STREAM,
      ShardToSplit: shardId,
      NewStartingHashKey: String(newStartingHashKey),
    });
    await this.#untilActive();
  }

  async merge(shardId, adjacentShardId) {
    await this.client.mergeShards({
      StreamName: STREAM,
      ShardToMerge: shardId,
      AdjacentShardToMerge: adjacentShardId,
    });
    await this.#untilActive();
  }

  async #untilActive() {
    for (;;) {
      const { StreamDescriptionSummary } = await this.client.describeStreamSummary({ StreamName: STREAM });
      if (StreamDescriptionSummary.StreamStatus === "ACTIVE") return;
      await sleep(100);
    }
  }

  /** Puts all the time, until `endPutting`. */
  beginPutting() {
    this.isPutting = true;
    this.putting = (async () => {
      while (this.isPutting) {
        await this.put(PUT_COUNT);
        await sleep(250);
      }
    })();
    // What fails is told by `endPutting`.
    this.putting.catch(() => {});
  }

  async endPutting() {
    this.isPutting = false;
    await this.putting;
  }

  /** Makes the application's table before any worker does. */
  async makeTable() {
    await openDynamoLeaseStore({ client: this.tables, tableName: this.application, clock: this.clock });
  }

  /** A worker of the KCL. */
  startJava(name, { way = "polling", version = "3.5.1" } = {}) {
    const archive = fileURLToPath(new URL(`target/${version}/millrace-interop-kcl.jar`, import.meta.url));
    if (!existsSync(archive)) {
      throw new Error(`make it first: mvn -q -f verification/interop/kcl -Dkcl.version=${version} package`);
    }
    return this.#start(name, "java", [
      "-Xmx256m",
      "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
      "-jar",
      archive,
      this.endpoint,
      REGION,
      STREAM,
      this.application,
      way,
      name,
    ]);
  }

  /** A worker of `@millrace/consumer`. */
  startTypeScript(name) {
    const program = fileURLToPath(new URL("worker.mjs", import.meta.url));
    return this.#start(name, process.execPath, [
      program,
      this.endpoint,
      REGION,
      STREAM,
      this.application,
      name,
    ]);
  }

  #start(name, command, options) {
    const process = spawn(command, options, { stdio: ["pipe", "pipe", "pipe"] });
    // Not "exit", which may come before the last of what it told.
    const ended = once(process, "close").then(([code]) => code);
    const worker = {
      name,
      errors: [],
      async stop() {
        process.stdin.end();
        return await ended;
      },
      /** kill -9. */
      async kill() {
        process.kill("SIGKILL");
        await ended;
      },
    };
    createInterface({ input: process.stdout }).on("line", (text) => {
      const space = text.indexOf(" ");
      const line = text.slice(space + 1);
      this.told.push({ worker: name, atMs: Number(text.slice(0, space)), line });
      if (line.startsWith("record ")) this.seen.add(Number(line.slice(line.lastIndexOf(" ") + 1)));
    });
    createInterface({ input: process.stderr }).on("line", (line) => worker.errors.push(line));
    this.workers.push(worker);
    return worker;
  }

  /** All that was told, in the order in which it was: a busy machine may read first what another worker told later. */
  inOrder() {
    return this.told.toSorted((one, other) => one.atMs - other.atMs);
  }

  /** What the workers have told from a point on, or some of it. */
  lines(from = 0) {
    return this.told.slice(from).map(({ line }) => line);
  }

  records(told = this.told) {
    return told
      .filter(({ line }) => line.startsWith("record "))
      .map(({ worker, line }) => {
        const [, shardId, sequenceNumber, key, data] = line.split(" ");
        return { worker, shardId, sequenceNumber: BigInt(sequenceNumber), key, number: Number(data) };
      });
  }

  async until(what, isSo) {
    const beganMs = Date.now();
    while (!(await isSo())) {
      if (Date.now() - beganMs > PATIENCE_MS) throw new Error(`still waiting: ${what}`);
      await sleep(200);
    }
    console.log(`  ${what} (${((Date.now() - beganMs) / 1_000).toFixed(1)} s)`);
  }

  untilAllIsSeen(what) {
    return this.until(what, () => this.seen.size === this.putCount);
  }

  /** The leases of the application, by key. */
  async leases() {
    const { Items } = await this.tables.scan({ TableName: this.application, ConsistentRead: true });
    return Items.filter(({ leaseCounter }) => leaseCounter !== undefined).map((item) => ({
      leaseKey: item.leaseKey.S,
      owner: item.leaseOwner?.S,
      isHandedOver: item.checkpointOwner !== undefined,
      checkpoint: item.checkpoint.S,
    }));
  }

  /** How many unfinished leases each worker has, those that are being handed over not counted; `nobody` has the others. */
  async shares() {
    const shares = {};
    for (const { owner, checkpoint, isHandedOver } of await this.leases()) {
      if (checkpoint === "SHARD_END" || isHandedOver) continue;
      const name = owner ?? "nobody";
      shares[name] = (shares[name] ?? 0) + 1;
    }
    return shares;
  }

  /** The shards that were split, or merged, end before what came out of them begins, and begin with nothing missing. */
  checkParentsFirst(parents, children) {
    const lines = this.inOrder().map(({ line }) => line);
    for (const parent of parents) {
      for (const child of children) {
        const end = lines.indexOf(`shardEnded ${parent}`);
        const begin = lines.findIndex((line) => line.startsWith(`initialize ${child} `));
        assert.ok(end >= 0 && begin >= 0 && end < begin, `${parent} ends before ${child} begins`);
      }
    }
    console.log(`  ${parents.join(" and ")} ended before ${children.join(" and ")} began`);
  }

  /** Each key's records come in order: the first time that each is seen, and in every worker's turn with a shard. */
  checkOrder() {
    const byKey = new Map();
    for (const { key, number } of this.records(this.inOrder())) {
      const numbers = byKey.get(key) ?? new Set();
      byKey.set(key, numbers.add(number));
    }
    for (const [key, numbers] of byKey) {
      const first = [...numbers];
      assert.deepEqual(
        first,
        first.toSorted((left, right) => left - right),
        `order of ${key}`,
      );
    }
    const lastOf = new Map();
    for (const { worker, line } of this.told) {
      const [what, shardId, sequenceNumber] = line.split(" ");
      if (what === "initialize") lastOf.set(`${worker} ${shardId}`, -1n);
      if (what !== "record") continue;
      const turn = `${worker} ${shardId}`;
      assert.ok(BigInt(sequenceNumber) > lastOf.get(turn), `${worker} reads ${shardId} in order`);
      lastOf.set(turn, BigInt(sequenceNumber));
    }
    const again = this.records().length - this.seen.size;
    console.log(`  all ${this.seen.size} records were seen, each key's in order; ${again} of them again`);
  }

  /** A lease stands where the last of its shard's records is, or at its end. */
  async checkCheckpoints() {
    const leases = await this.leases();
    const lastOf = new Map();
    for (const { shardId, sequenceNumber } of this.records()) {
      const last = lastOf.get(shardId) ?? 0n;
      lastOf.set(shardId, sequenceNumber > last ? sequenceNumber : last);
    }
    const ended = new Set(this.lines().filter((line) => line.startsWith("shardEnded ")));
    for (const { leaseKey, checkpoint } of leases) {
      const isEnded = ended.has(`shardEnded ${leaseKey}`);
      assert.equal(
        checkpoint,
        isEnded ? "SHARD_END" : String(lastOf.get(leaseKey)),
        `checkpoint of ${leaseKey}`,
      );
    }
    console.log(`  the leases hold where each shard was left: ${leases.length} of them`);
  }

  /** Runs a scenario, and ends with 1 when something is not as it should be. */
  async play(scenario) {
    try {
      await scenario(this);
    } catch (error) {
      for (const { name, errors } of this.workers) {
        // Java's stacks say little here.
        const said = errors.filter((line) => !/^\s+(?:at|\.\.\.) /.test(line)).slice(-40);
        for (const line of said) console.error(`${name}: ${line}`);
      }
      console.error(await this.shares().catch(() => "there are no leases"));
      console.error(error);
      process.exitCode = 1;
    } finally {
      this.isPutting = false;
      await this.putting?.catch(() => {});
      for (const worker of this.workers) await worker.kill();
      await this.tables.close();
      await this.millrace.close();
    }
  }
}
