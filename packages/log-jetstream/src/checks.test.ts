import { seededRandom, simulatedClock } from "@millrace/runtime";
import { expect, test } from "vitest";
import type { ServerDescription } from "./index.ts";
import { checkCluster, refusalsOf, simulatedCluster, type ClusterCheck } from "./index.ts";

type Facts = Partial<ServerDescription>;

async function checksOf(
  servers: readonly Facts[],
  killed: readonly string[] = [],
): Promise<readonly ClusterCheck[]> {
  const clock = simulatedClock();
  const cluster = simulatedCluster({ clock, random: seededRandom(1), servers });
  for (const server of killed) cluster.killServer(server);
  return checkCluster(await clock.finish(cluster.connect(clock).broker.describeServers()));
}

const GOOD_JETSTREAM = {
  syncsAlways: true,
  uniqueTag: "az:",
  storeBytesMax: 1,
  storedBytes: 0,
  replicatedAssetCount: 0,
  metaLeader: "n1",
};

/** The one check that is not ok. */
function failing(checks: readonly ClusterCheck[]): ClusterCheck {
  const wrong = checks.filter(({ kind }) => kind !== "ok");
  expect(wrong).toHaveLength(1);
  return wrong[0]!;
}

test("a cluster of three zones that syncs always passes", async () => {
  const checks = await checksOf([{}, {}, {}]);
  expect(checks.map(({ name, kind }) => `${name} ${kind}`)).toEqual([
    "servers ok",
    "version ok",
    "sync ok",
    "zones ok",
    "payload ok",
    "clocks ok",
  ]);
  expect(refusalsOf(checks)).toEqual([]);
});

test("one server that syncs at intervals is refused, with what to do", async () => {
  const checks = await checksOf([{}, { jetStream: { ...GOOD_JETSTREAM, syncsAlways: false } }, {}]);
  expect(failing(checks)).toMatchObject({
    name: "sync",
    kind: "refusal",
    found: "n1: always, n2: at intervals, n3: always",
    remedy: "set sync_interval: always in the jetstream block of n2, and restart it",
  });
  expect(refusalsOf(checks)).toHaveLength(1);
});

test.each([
  ["2.15.0", "refusal"],
  ["2.9.30", "refusal"],
  ["2.15.1-RC.2", "refusal"],
  ["unknown", "refusal"],
  ["2.15.1", "ok"],
  ["2.15.10", "ok"],
  ["2.16.0-preview.1", "ok"],
  ["3.0.0", "ok"],
])("server version %s: %s", async (version, kind) => {
  const checks = await checksOf([{ version }, {}, {}]);
  expect(checks.find(({ name }) => name === "version")).toMatchObject({ kind });
});

test("two servers in one zone are refused, and so is a server in none or in two", async () => {
  expect(failing(await checksOf([{}, { tags: ["az:a"] }, {}]))).toMatchObject({
    name: "zones",
    kind: "refusal",
  });
  expect(failing(await checksOf([{}, { tags: ["rack:7"] }, {}]))).toMatchObject({
    kind: "refusal",
    remedy: "give n2 one server tag that begins with az:",
  });
  expect(failing(await checksOf([{}, { tags: ["az:b", "az:c"] }, {}]))).toMatchObject({ kind: "refusal" });
});

test("zones without a rule that replicas differ in them are refused", async () => {
  const checks = await checksOf([{ jetStream: { ...GOOD_JETSTREAM, uniqueTag: undefined } }, {}, {}]);
  expect(failing(checks)).toMatchObject({
    name: "zones",
    kind: "refusal",
    remedy: 'set unique_tag: "az:" in the jetstream block of n1',
  });
});

test("payloads below two mebibytes are refused", async () => {
  const checks = await checksOf([{}, {}, { maxPayloadBytes: 1024 * 1024 }]);
  expect(failing(checks)).toMatchObject({
    name: "payload",
    kind: "refusal",
    remedy: "set max_payload: 2MB on n3",
  });
});

test("a clock is refused only when it is surely too far away", async () => {
  expect(failing(await checksOf([{}, { clockAheadMs: -1_600, clockUncertaintyMs: 500 }, {}]))).toMatchObject({
    name: "clocks",
    kind: "refusal",
    found: "n1: +0 ms (± 0), n2: -1600 ms (± 500), n3: +0 ms (± 0)",
  });
  const checks = await checksOf([{}, { clockAheadMs: 1_400, clockUncertaintyMs: 500 }, {}]);
  expect(refusalsOf(checks)).toEqual([]);
});

test("two servers, and servers without JetStream, are too few", async () => {
  const two = await checksOf([{}, {}]);
  expect(refusalsOf(two)).toHaveLength(2);
  expect(two.find(({ name }) => name === "servers")).toMatchObject({ kind: "refusal" });
  const without = await checksOf([{}, {}, { jetStream: undefined }]);
  expect(without.find(({ name }) => name === "servers")).toMatchObject({
    found: "2 of 3 servers with JetStream answered",
  });
});

test("while one server is away the rest is checked, and a gateway may start", async () => {
  const checks = await checksOf([{}, {}, {}], ["n3"]);
  expect(refusalsOf(checks)).toEqual([]);
  expect(checks.filter(({ kind }) => kind === "warning").map(({ name }) => name)).toEqual([
    "servers",
    "zones",
  ]);
});

test("without a majority, or without a word from any server, a gateway must not start", async () => {
  expect(refusalsOf(await checksOf([{}, {}, {}], ["n2", "n3"]))[0]).toContain("1 of 3 servers");
  expect(checkCluster({ kind: "unavailable", reason: "no answer" })).toMatchObject([
    { name: "servers", kind: "refusal", found: "no answer" },
  ]);
});
