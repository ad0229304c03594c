/**
 * A worker beside those of the KCL 3, as its leader sees it: rows that the leader counts, leases that it moves. The KCL is played by
 * its writes; against the KCL itself it is `verification/interop/kcl/mixed.mjs`.
 */
import { ServiceError } from "@millrace/api";
import { createDynamoClient, inProcessTransport } from "@millrace/client";
import { memoryLogger, seededRandom, simulatedClock } from "@millrace/runtime";
import { tablesInMemory } from "@millrace/tables/testing";
import { afterEach, describe, expect, test } from "vitest";
import {
  assignment,
  type Consumer,
  type ConsumerOptions,
  createConsumer,
  handOffRequest,
  type Lease,
  type LeaseStore,
  openDynamoLeaseStore,
  renewal,
  taking,
} from "./index.ts";
import { FakeKinesis } from "./simulation/fake-kinesis.ts";

const TABLE = "billing";
const SEPARATE_TABLE = "billing-WorkerMetricStats";
const INTERVAL_MS = 2_000;

type World = Awaited<ReturnType<typeof world>>;
let it: World;
afterEach(() => it.end());

async function world(shardCount = 4) {
  const clock = simulatedClock();
  const random = seededRandom(1);
  const log = memoryLogger();
  const asked: string[] = [];
  const service = tablesInMemory(clock, (operation) => {
    asked.push(operation);
  });
  const tables = createDynamoClient({ transport: inProcessTransport(service), clock, random });
  const store = await clock.finish(openDynamoLeaseStore({ client: tables, tableName: TABLE, clock }));
  const kinesis = new FakeKinesis(clock, shardCount);
  const consumers: Consumer[] = [];
  const rows = async (table = TABLE) => {
    const { Items = [] } = await clock.finish(tables.scan({ TableName: table }));
    return Items.filter((item) => !("leaseCounter" in item));
  };
  return {
    clock,
    tables,
    store,
    log,
    rows,
    asked,
    rowOf: async (workerId: string, table = TABLE) =>
      (await rows(table)).find((item) => {
        const key = (item["leaseKey"] ?? item["wid"]) as { readonly S: string };
        return key.S === workerId;
      }),
    start(workerId: string, options: Partial<ConsumerOptions> = {}): Consumer {
      const consumer = createConsumer({
        client: kinesis.client,
        applicationName: TABLE,
        streams: ["orders"],
        leaseStore: store,
        clock,
        random,
        log,
        workerId,
        leaseDurationMs: INTERVAL_MS,
        workerReportIntervalMs: INTERVAL_MS,
        ...options,
      });
      consumers.push(consumer);
      void consumer.run(() => undefined);
      return consumer;
    },
    async makeSeparateTable(): Promise<void> {
      await clock.finish(
        tables.createTable({
          TableName: SEPARATE_TABLE,
          AttributeDefinitions: [{ AttributeName: "wid", AttributeType: "S" }],
          KeySchema: [{ AttributeName: "wid", KeyType: "HASH" }],
          BillingMode: "PAY_PER_REQUEST",
        }),
      );
      await clock.runFor(1_000);
    },
    async shares() {
      const shares: Record<string, number> = {};
      for (const { leaseOwner = "nobody" } of await clock.finish(store.list())) {
        shares[leaseOwner] = (shares[leaseOwner] ?? 0) + 1;
      }
      return shares;
    },
    async end(): Promise<void> {
      await clock.finish(Promise.all(consumers.map((consumer) => consumer.stop())));
    },
  };
}

/** A worker of the KCL that reports and renews what it has; who moves leases is the test, in the place of its leader. */
class PlayedKcl {
  readonly #at: World;
  readonly #workerId: string;
  readonly #table: string;
  readonly #loads: readonly number[] | undefined;
  #isAlive = true;

  constructor(
    at: World,
    { workerId = "java", table = TABLE, loads = undefined as number[] | undefined } = {},
  ) {
    this.#at = at;
    this.#workerId = workerId;
    this.#table = table;
    this.#loads = loads;
    void this.#live();
  }

  die(): void {
    this.#isAlive = false;
  }

  async #live(): Promise<void> {
    while (this.#isAlive) {
      await this.#report();
      for (const lease of await this.#at.store.list()) {
        const { leaseOwner, checkpointOwner } = lease;
        if (checkpointOwner === this.#workerId) await this.#at.store.write(assignment(lease, leaseOwner!));
        else if (leaseOwner === this.#workerId && checkpointOwner === undefined)
          await this.#at.store.write(renewal(lease));
      }
      await this.#at.clock.sleep(500);
    }
  }

  async #report(): Promise<void> {
    const numbers = this.#loads?.map((load) => ({ N: String(load) }));
    await this.#at.tables.putItem({
      TableName: this.#table,
      Item: {
        [this.#table === TABLE ? "leaseKey" : "wid"]: { S: this.#workerId },
        ...(this.#table === TABLE ? { entityType: { S: "WORKER_METRIC_STATS" } } : {}),
        lut: { N: String(Math.floor(this.#at.clock.nowMs() / 1_000)) },
        sts: { M: numbers === undefined ? {} : { C: { L: numbers } } },
        opr: { M: numbers === undefined ? {} : { C: { L: [{ N: "100" }] } } },
      },
    });
  }
}

async function move(store: LeaseStore, lease: Lease, to: string): Promise<void> {
  expect((await store.write(handOffRequest(lease, to))).done).toBe(true);
}

describe("reports", () => {
  test("are not written where no worker of the KCL is", async () => {
    it = await world();
    it.start("one");
    it.start("two");
    await it.clock.runFor(60_000);
    expect(await it.shares()).toEqual({ one: 2, two: 2 });
    expect(await it.rows()).toEqual([]);
  });

  test("are written once a worker of the KCL reports, as it writes its own, and again and again", async () => {
    it = await world();
    it.start("ours");
    await it.clock.runFor(5_000);
    new PlayedKcl(it);
    await it.clock.runFor(INTERVAL_MS + 500);
    const first = (await it.rowOf("ours"))!;
    expect(first).toEqual({
      leaseKey: { S: "ours" },
      entityType: { S: "WORKER_METRIC_STATS" },
      lut: first["lut"],
      sts: { M: {} },
      opr: { M: {} },
      properties: { M: { library: { S: "@millrace/consumer" } } },
      sup: { N: "1" },
      slu: first["lut"],
    });
    const seconds = Number((first["lut"] as { readonly N: string }).N);
    expect(seconds).toBeGreaterThan(it.clock.nowMs() / 1_000 - 2 * (INTERVAL_MS / 1_000));
    await it.clock.runFor(10_000);
    expect((await it.rowOf("ours"))!["lut"]).toEqual({ N: String(seconds + 10) });
    expect(await it.clock.finish(it.store.list())).toHaveLength(4);
  });

  test("go to the table of their own where the KCL's do", async () => {
    it = await world();
    await it.makeSeparateTable();
    new PlayedKcl(it, { table: SEPARATE_TABLE });
    it.start("ours");
    await it.clock.runFor(INTERVAL_MS);
    expect(await it.rowOf("ours", SEPARATE_TABLE)).toMatchObject({ wid: { S: "ours" }, sts: { M: {} } });
    expect(await it.rows()).toEqual([]);
  });

  test("move into the table of leases when the first worker of the KCL reports there", async () => {
    it = await world();
    await it.makeSeparateTable();
    new PlayedKcl(it, { table: SEPARATE_TABLE });
    it.start("ours");
    await it.clock.runFor(INTERVAL_MS);
    new PlayedKcl(it, { workerId: "newer" });
    await it.clock.runFor(2 * INTERVAL_MS);
    expect(await it.rowOf("ours")).toBeDefined();
    expect(await it.rowOf("ours", SEPARATE_TABLE)).toBeUndefined();
  });

  test("tell the processor's load, the last ten of them, where workers of the KCL tell theirs", async () => {
    it = await world();
    new PlayedKcl(it, { loads: [20, 30] });
    let load = 0;
    it.start("ours", { processorLoad: () => (load += 1) });
    await it.clock.runFor(100);
    expect(await it.rowOf("ours")).toMatchObject({
      sts: { M: { C: { L: [{ N: "1" }] } } },
      opr: { M: { C: { L: [{ N: "100" }] } } },
    });
    await it.clock.runFor(14 * INTERVAL_MS);
    const loads = Array.from({ length: 10 }, (_, at) => ({ N: String(at + 6) }));
    expect(await it.rowOf("ours")).toMatchObject({ sts: { M: { C: { L: loads } } } });
  });

  test("tell no load to those who tell none, with whom it could not be compared", async () => {
    it = await world();
    new PlayedKcl(it);
    it.start("ours", { processorLoad: () => 50 });
    await it.clock.runFor(INTERVAL_MS);
    expect(await it.rowOf("ours")).toMatchObject({ sts: { M: {} }, opr: { M: {} } });
  });

  test("are taken back by a worker that stops", async () => {
    it = await world();
    new PlayedKcl(it);
    const ours = it.start("ours");
    await it.clock.runFor(INTERVAL_MS);
    expect(await it.rowOf("ours")).toBeDefined();
    await it.clock.finish(ours.stop());
    expect(await it.rowOf("ours")).toBeUndefined();
  });

  test("are taken back although the worker is stopped while it writes the first", async () => {
    it = await world();
    new PlayedKcl(it);
    const ours = it.start("ours");
    while (!it.asked.includes("PutItem") || (await it.rowOf("ours")) === undefined) await it.clock.runFor(1);
    await it.clock.finish(ours.stop());
    await it.clock.runFor(3 * INTERVAL_MS);
    expect(await it.rowOf("ours")).toBeUndefined();
  });

  test("are read in the table of leases alone where the credentials reach no other", async () => {
    it = await world();
    const scanned: string[] = [];
    const client = {
      ...it.tables,
      scan(input: Parameters<typeof it.tables.scan>[0]) {
        scanned.push(input.TableName);
        if (input.TableName === TABLE) return it.tables.scan(input);
        return Promise.reject(new ServiceError("AccessDeniedException", "not this one"));
      },
    };
    const leaseStore = await it.clock.finish(
      openDynamoLeaseStore({ client, tableName: TABLE, clock: it.clock }),
    );
    new PlayedKcl(it);
    it.start("ours", { leaseStore });
    await it.clock.runFor(INTERVAL_MS);
    expect(scanned).toContain(SEPARATE_TABLE);
    expect(await it.rowOf("ours")).toBeDefined();
    expect(it.log.lines.filter(({ level }) => level === "warn")).toEqual([]);
  });

  test("that cannot be written keep nobody from reading", async () => {
    it = await world();
    new PlayedKcl(it);
    await it.clock.runFor(100);
    const reports = it.store.reports!;
    const leaseStore = { ...it.store, reports: { ...reports, write: () => Promise.reject(new Error("no")) } };
    it.start("ours", { leaseStore });
    await it.clock.runFor(3 * INTERVAL_MS);
    expect(await it.shares()).toEqual({ ours: 4 });
    expect(it.log.lines.map(({ message }) => message)).toContain("there is no report of how this worker is");
  });
});

describe("beside a leader of the KCL", () => {
  /** The KCL has everything. */
  async function givenToJava(): Promise<PlayedKcl> {
    const java = new PlayedKcl(it);
    const first = it.start("first");
    await it.clock.runFor(2 * INTERVAL_MS);
    await it.clock.finish(first.stop());
    for (const lease of await it.clock.finish(it.store.list())) {
      await it.clock.finish(it.store.write(taking(lease, "java")));
    }
    return java;
  }

  test("a worker that comes asks for nothing, and reads what the leader gives it", async () => {
    it = await world();
    await givenToJava();
    const ours = it.start("ours");
    await it.clock.runFor(30_000);
    expect(await it.shares()).toEqual({ java: 4 });
    const [one, other] = await it.clock.finish(it.store.list());
    await it.clock.finish(move(it.store, one!, "ours"));
    await it.clock.finish(move(it.store, other!, "ours"));
    await it.clock.runFor(3 * INTERVAL_MS);
    expect(ours.metrics().leases).toMatchObject({ held: 2, received: 2, asked: 0 });
    expect(await it.shares()).toEqual({ java: 2, ours: 2 });
  });

  test("a worker hands over what the leader gives to another, and does not ask for it back", async () => {
    it = await world();
    const ours = it.start("ours");
    await it.clock.runFor(INTERVAL_MS);
    new PlayedKcl(it);
    await it.clock.runFor(2 * INTERVAL_MS);
    expect(await it.shares()).toEqual({ ours: 4 });
    for (const lease of (await it.clock.finish(it.store.list())).slice(0, 3)) {
      await it.clock.finish(move(it.store, lease, "java"));
    }
    await it.clock.runFor(30_000);
    expect(await it.shares()).toEqual({ ours: 1, java: 3 });
    expect(ours.metrics().leases).toMatchObject({ held: 1, asked: 0, lost: 0 });
  });

  test("a worker takes what nobody has, without waiting for the leader", async () => {
    it = await world();
    const java = await givenToJava();
    it.start("ours");
    await it.clock.runFor(INTERVAL_MS);
    java.die();
    await it.clock.runFor(3 * INTERVAL_MS);
    expect(await it.shares()).toEqual({ ours: 4 });
  });

  test("a worker asks for its share again when the last of the KCL has not reported for two intervals", async () => {
    it = await world();
    const kcl = new PlayedKcl(it);
    it.start("one");
    await it.clock.runFor(INTERVAL_MS);
    it.start("two");
    await it.clock.runFor(30_000);
    expect(await it.shares()).toEqual({ one: 4 });
    kcl.die();
    await it.clock.runFor(10 * INTERVAL_MS);
    expect(await it.shares()).toEqual({ one: 2, two: 2 });
  });
});
