import { type Broker, checkCluster, type ClusterCheck, refusalsOf } from "@millrace/log-jetstream";
import { afterEach, expect, test } from "vitest";
import { Clients } from "./src/clients.ts";
import { type NatsCluster, type NatsClusterOptions, startNatsCluster } from "./src/nats-cluster.ts";

let cluster: NatsCluster | undefined;
const clients = new Clients();

afterEach(async () => {
  await clients.close();
  await cluster?.close();
});

async function checksOf(options: NatsClusterOptions): Promise<readonly ClusterCheck[]> {
  cluster = await startNatsCluster(options);
  const broker = await clients.connect(cluster);
  return allAnswered(broker);
}

/** The checks as soon as all servers answer: what one subscribes to is known to its neighbours a moment after their route is. */
async function allAnswered(broker: Broker): Promise<readonly ClusterCheck[]> {
  for (let attempt = 1; ; attempt += 1) {
    const checks = checkCluster(await broker.describeServers());
    if (attempt === 5 || checks[0]?.kind === "ok") return checks;
  }
}

/** The names of the checks that refuse, of those that are left the kind. */
function verdicts(checks: readonly ClusterCheck[]): Record<string, string> {
  return Object.fromEntries(checks.map(({ name, kind }) => [name, kind]));
}

const ALL_OK = { servers: "ok", version: "ok", sync: "ok", zones: "ok", payload: "ok", clocks: "ok" };

test("the cluster of the configurations in deploy/nats passes every check", async () => {
  const checks = await checksOf({});
  expect(verdicts(checks)).toEqual(ALL_OK);
  expect(refusalsOf(checks)).toEqual([]);
});

test("while one server is away the others are checked, and nothing is refused", async () => {
  cluster = await startNatsCluster();
  const broker = await clients.connect(cluster, [cluster.urlOf("millrace-a")]);
  await cluster.kill("millrace-c");
  const checks = checkCluster(await broker.describeServers());
  expect(verdicts(checks)).toEqual({ ...ALL_OK, servers: "warning", zones: "warning" });
  expect(checks[0]?.found).toBe("2 of 3 servers with JetStream answered");
});

test("servers with the default sync interval are refused", async () => {
  const checks = await checksOf({ edit: { file: "common.conf", from: "sync_interval: always", to: "" } });
  expect(verdicts(checks)).toEqual({ ...ALL_OK, sync: "refusal" });
  expect(refusalsOf(checks).join()).toContain("millrace-a: at intervals");
});

test("two servers in one zone are refused", async () => {
  const checks = await checksOf({ edit: { file: "zone-b.conf", from: "az:b", to: "az:a" } });
  expect(verdicts(checks)).toEqual({ ...ALL_OK, zones: "refusal" });
});

test("servers with the default payload are refused", async () => {
  const checks = await checksOf({ edit: { file: "common.conf", from: "max_payload: 2MB", to: "" } });
  expect(verdicts(checks)).toEqual({ ...ALL_OK, payload: "refusal" });
});

test("a gateway without a user of the system account is told that it needs one", async () => {
  cluster = await startNatsCluster();
  const broker = await clients.connectAsGatewayOnly(cluster);
  const checks = checkCluster(await broker.describeServers());
  expect(verdicts(checks)).toEqual({ servers: "refusal" });
  expect(refusalsOf(checks).join()).toContain("a user of the system account");
});
