import type { Broker } from "@millrace/log-jetstream";
import { nodeRuntime } from "@millrace/runtime";
import { afterEach, expect, test } from "vitest";
import { Clients } from "./src/clients.ts";
import { type Gateway, Gateways } from "./src/gateways.ts";
import { startNatsCluster } from "./src/nats-cluster.ts";
import { networkRefusal, startNetwork } from "./src/network.ts";
import { clientOf, RecordLedger } from "./src/record-ledger.ts";

const { clock } = nodeRuntime();
const STREAM = "orders";
const SERVERS = ["millrace-a", "millrace-b", "millrace-c"] as const;
const GATEWAYS = ["one", "two", "three"] as const;
/** The stream of the log group that the shards are in. */
const GROUP = "millrace_g1";

const refusal = networkRefusal();
if (refusal !== undefined) console.log(`no network is cut here: ${refusal}`);

const ending: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

test.skipIf(refusal !== undefined)(
  "a gateway that is cut from a leader, a leader with a minority, and a gateway that is cut from everything lose nothing",
  async () => {
    const network = startNetwork([...SERVERS, ...GATEWAYS]);
    ending.push(() => network.close());
    const cluster = await startNatsCluster({ network });
    ending.push(() => cluster.close());
    const gateways = new Gateways(cluster, network);
    ending.push(() => gateways.close());
    const servers: Gateway[] = [];
    for (const node of GATEWAYS) servers.push(await gateways.add({ node }));
    const clients = new Clients();
    ending.push(() => clients.close());
    const brokers = new Map<string, Broker>();
    for (const server of SERVERS)
      brokers.set(server, await clients.connect(cluster, [cluster.urlOf(server)]));
    /** As a server has it that can see the others. */
    const leaderSeenBy = async (server: string): Promise<string> => {
      for (;;) {
        const described = await brokers.get(server)!.describeStream(GROUP);
        if (described.kind === "stream" && described.stream.leader !== "") return described.stream.leader;
        await clock.sleep(100);
      }
    };
    const client = clientOf(servers[0]!.endpoint);
    ending.push(() => client.close());
    await client.createStream({ StreamName: STREAM, ShardCount: 2 });
    const isActive = async (): Promise<boolean> =>
      (await client.describeStreamSummary({ StreamName: STREAM })).StreamDescriptionSummary.StreamStatus ===
      "ACTIVE";
    while (!(await isActive())) await clock.sleep(50);

    const ledgers = servers.map(() => new RecordLedger());
    const writing = ledgers.map((ledger, at) => ledger.write(STREAM, `w${at}`, [servers[at]!.endpoint]));
    /** Until some writers have so many more acknowledged. */
    const until = async (count: number, places: readonly number[] = [0, 1, 2]): Promise<void> => {
      const goals = places.map((place) => ledgers[place]!.acknowledged.size + count);
      for (const [at, place] of places.entries())
        while (ledgers[place]!.acknowledged.size < goals[at]!) await clock.sleep(20);
    };
    await until(30);

    // Through its other servers it still reaches the leader.
    network.cut("one", await leaderSeenBy(SERVERS[0]));
    await until(30);
    network.heal();

    const alone = await leaderSeenBy(SERVERS[0]);
    const majority = SERVERS.filter((name) => name !== alone);
    for (const server of majority) network.cut(alone, server);
    while ((await leaderSeenBy(majority[0]!)) === alone) await clock.sleep(100);
    network.heal();
    await cluster.healthy();
    await until(30);

    for (const server of SERVERS) network.cut("two", server);
    await until(30, [0, 2]);
    network.heal();
    await until(30);

    for (const ledger of ledgers) ledger.stop();
    await Promise.all(writing);
    for (const { endpoint } of servers)
      for (const ledger of ledgers) expect(await ledger.check(STREAM, endpoint)).toEqual([]);
    const figures = ledgers.map(
      ({ acknowledged, failedCount, worstGapMs }) =>
        `${acknowledged.size} acknowledged, none lost, ${failedCount} failed, worst gap ${Math.round(worstGapMs)} ms`,
    );
    console.log(figures.join("; "));
  },
  240_000,
);
