/**
 * The KCL, unchanged, against a Millrace of its own, or the one at `ENDPOINT`: `node verification/interop/kcl/run.mjs
 * [polling|fan-out] [VERSION] [short]`, after `npm run build` and `mvn -q -f verification/interop/kcl package`. It ends with 1 when
 * something is not as it should be.
 *
 * Two shards, one worker; records come before and after it starts, one shard is split meanwhile; the worker is stopped
 * and started again. Every record must have been seen, each key's in order; parents end before their children begin;
 * the second worker must begin where the first one stopped. A short run is without the second worker.
 */
import assert from "node:assert/strict";
import { openScene } from "./scene.mjs";

const way = process.argv[2] ?? "polling";
const version = process.argv[3] ?? "3.5.1";
const isShort = process.argv[4] === "short";
const scene = await openScene({ application: `kcl-${version}-${way}`, shardCount: 2 });
console.log(`KCL ${version} with ${way} at ${scene.endpoint}`);

await scene.play(async () => {
  const { application, endpoint } = scene;
  await scene.put(1_000);
  const first = scene.startJava("first", { way, version });
  await scene.untilAllIsSeen("the records from before the worker are seen");
  await scene.put(1_000);
  await scene.untilAllIsSeen("records are seen as they come");

  await scene.split("shardId-000000000000", 2n ** 126n);
  await scene.put(1_000);
  await scene.untilAllIsSeen("records behind a split are seen");
  assert.equal(await first.stop(), 0);
  // Version 2.7.2 was not seen to finish its graceful stop within half a minute. Why is not known.
  if (version.startsWith("3.")) assert.equal(scene.lines().at(-1), "stopped");
  console.log(`  the worker has ${scene.lines().at(-1)}`);
  await scene.checkCheckpoints();

  if (!isShort) {
    const before = scene.told.length;
    await scene.put(200);
    const second = scene.startJava("second", { way, version });
    await scene.untilAllIsSeen("a second worker sees what came meanwhile");
    assert.equal(await second.stop(), 0);
    assert.equal(
      scene.records(scene.told.slice(before)).length,
      200,
      "the second worker must begin where the first one stopped",
    );
    console.log("  and nothing that was checkpointed before");
  }
  scene.checkOrder();
  scene.checkParentsFirst(["shardId-000000000000"], ["shardId-000000000002", "shardId-000000000003"]);

  const page = await (await fetch(new URL("/_millrace/metrics/points?limit=10", endpoint))).json();
  assert.ok(
    page.points.some(({ namespace }) => namespace === application),
    "metrics have come",
  );
  console.log(`  ${page.count} points of metrics have come`);
  const counted = await (await fetch(new URL("/_millrace/metrics", endpoint))).text();
  const calls = [...counted.matchAll(/millrace_requests_total\{operation="([^"]+)",code="([^"]+)"\} (\d+)/g)];
  assert.ok(
    !calls.some(([, operation]) => operation === "unknown"),
    "the KCL has asked for what is not served",
  );
  console.log(calls.map(([, operation, code, count]) => `    ${operation} ${code} ${count}`).join("\n"));
  console.log("KCL: as it should be");
});
