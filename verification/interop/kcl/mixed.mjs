/**
 * A worker of the KCL 3 and one of `@millrace/consumer` share the application `mixed`: `node verification/interop/kcl/mixed.mjs
 * [VERSION]`, after what `run.mjs` needs. It ends with 1 when something is not as it should be.
 *
 * Ours makes the table and reads everything; one of the KCL comes, and its leader gives it some of ours; ours stops, another one of
 * ours comes, and the leader gives it some of the KCL's; a shard is split; each of them is killed once, and the other one takes over.
 * Every record must have been seen, each key's in order.
 */
import assert from "node:assert/strict";
import { openScene } from "./scene.mjs";

const version = process.argv[2] ?? "3.5.1";
const scene = await openScene({ application: "mixed", shardCount: 8 });
console.log(`the KCL ${version} beside @millrace/consumer at ${scene.endpoint}`);

const isAllOf = async (name, count) => (await scene.shares())[name] === count;

/** The leader balances what leases carry, not how many they are: what matters is that both have a good part of `count`. */
async function isSharedBy(one, other, count) {
  const { [one]: first = 0, [other]: second = 0, ...others } = await scene.shares();
  return first + second === count && first >= 2 && second >= 2 && Object.keys(others).length === 0;
}

await scene.play(async () => {
  await scene.put(1_000);
  const ours = scene.startTypeScript("ours");
  await scene.untilAllIsSeen("ours sees the records from before");
  assert.ok(await isAllOf("ours", 8));
  const java = scene.startJava("java", { version });
  scene.beginPutting();
  await scene.until("the KCL comes, and its leader gives it some of ours", () =>
    isSharedBy("ours", "java", 8),
  );

  assert.equal(await ours.stop(), 0);
  await scene.until("the KCL has what ours gave up", () => isAllOf("java", 8));
  const again = scene.startTypeScript("again");
  await scene.until("ours comes, and the leader gives it some of the KCL's", () =>
    isSharedBy("java", "again", 8),
  );
  await scene.split("shardId-000000000000", 2n ** 124n);
  await scene.until("both know of a split", () => isSharedBy("java", "again", 9));
  await again.kill();
  await scene.until("the KCL has what ours had when it was killed", () => isAllOf("java", 9));
  const third = scene.startTypeScript("third");
  await scene.until("ours has some again", () => isSharedBy("java", "third", 9));
  await java.kill();
  await scene.until("ours has what the KCL had when it was killed", () => isAllOf("third", 9));
  await scene.endPutting();
  await scene.untilAllIsSeen("all records are seen");
  assert.equal(await third.stop(), 0);
  await scene.checkCheckpoints();
  scene.checkOrder();
  console.log("mixed: as it should be");
});
