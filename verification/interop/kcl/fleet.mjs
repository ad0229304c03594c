/**
 * Two workers of the KCL 3 on eight shards: `node verification/interop/kcl/fleet.mjs [polling|fan-out]`, after what `run.mjs`
 * needs. It ends with 1 when something is not as it should be.
 *
 * They share the leases; while records come, a shard is split and two are merged, one of the workers is killed, and another one
 * comes in its place. Then all stop, and a last one begins where they left. Every record must have been seen, each key's in
 * order; parents end before their children begin.
 */
import assert from "node:assert/strict";
import { openScene } from "./scene.mjs";

const way = process.argv[2] ?? "polling";
const scene = await openScene({ application: `fleet-${way}`, shardCount: 8 });
console.log(`two workers of the KCL 3.5.1 with ${way} at ${scene.endpoint}`);

const SPLIT = "shardId-000000000000";
const MERGED = ["shardId-000000000004", "shardId-000000000005"];

/** Whether exactly these workers have all the leases, and none of them much more than its share. */
async function isSharedBy(...names) {
  const { nobody = 0, ...shares } = await scene.shares();
  const counts = Object.values(shares);
  const total = counts.reduce((sum, count) => sum + count, nobody);
  const most = Math.ceil(total / names.length) + 1;
  return (
    nobody === 0 &&
    total >= 8 &&
    names.every((name) => shares[name] > 0 && shares[name] <= most) &&
    counts.length === names.length
  );
}

await scene.play(async () => {
  // Of workers of the KCL 3.5.1 that begin an application at the same moment, one may fail: at the table's index, or because it
  // does not find in the table of the application's state what the other is just writing ("AssignmentMode is not initialized").
  await scene.makeTable();
  await scene.put(1_000);
  const ana = scene.startJava("ana", { way });
  await scene.untilAllIsSeen("the records from before the workers are seen");
  const ben = scene.startJava("ben", { way });
  scene.beginPutting();
  await scene.until("the workers share eight leases", () => isSharedBy("ana", "ben"));

  await scene.split(SPLIT, 2n ** 124n);
  await scene.merge(...MERGED);
  await ana.kill();
  console.log("  ana was killed, with a split and a merge behind her");
  await scene.until("ben has all of them", () => isSharedBy("ben"));
  const cleo = scene.startJava("cleo", { way });
  await scene.until("cleo has her share", () => isSharedBy("ben", "cleo"));
  await scene.endPutting();
  await scene.untilAllIsSeen("the records from meanwhile are seen");

  const codes = await Promise.all([ben.stop(), cleo.stop()]);
  assert.deepEqual(codes, [0, 0]);
  await scene.checkCheckpoints();
  const before = scene.told.length;
  await scene.put(200);
  const last = scene.startJava("dan", { way });
  await scene.untilAllIsSeen("one more worker sees what came after they had stopped");
  assert.equal(scene.records(scene.told.slice(before)).length, 200, "it must begin where they stopped");
  console.log("  and nothing that was checkpointed before");
  assert.equal(await last.stop(), 0);
  scene.checkOrder();
  scene.checkParentsFirst([SPLIT], ["shardId-000000000008", "shardId-000000000009"]);
  scene.checkParentsFirst(MERGED, ["shardId-000000000010"]);
  console.log("KCL: as it should be");
});
