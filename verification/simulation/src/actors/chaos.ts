/** Ends the lives of the server, one after the other, and spoils its disk. */
import type { DiskOperation, Random } from "@millrace/runtime";
import { faultsNeverLose } from "../checkers/faults-never-lose.ts";
import { dataOf } from "../ledger.ts";
import { DATA_DIRECTORY } from "../world/server-process.ts";
import { auditTails } from "./audit.ts";
import type { Cast } from "./cast.ts";

const ROOMY_BYTES = 1 << 28;
/** A process whose commit failed has ended by now, virtual milliseconds. */
const ENDING_MS = 50;
/** A commit takes up to this long, virtual milliseconds. */
const COMMIT_MS = 3;
/** Nobody waits longer for one to begin, virtual milliseconds. */
const NO_COMMIT_MS = 60;
/** Room that came back is noticed by now, virtual milliseconds. */
const ROOM_NOTICED_MS = 3_000;

/** Lets the server live and die as often as the profile says. Resolves with the machine calm and nothing running. */
export async function chaos(cast: Cast): Promise<void> {
  const { world } = cast;
  const random = world.part();
  for (let life = 0; life < world.profile.lives && !cast.excuses.rotRefused; life += 1) {
    await oneLife(cast, random);
    await world.clock.sleep(random.below(300));
  }
}

async function oneLife(cast: Cast, random: Random): Promise<void> {
  const { world } = cast;
  const { profile } = world;
  calm(cast);
  cast.isOpen = false;
  const disturb = disturbance(cast, random, world.life + 1);
  // A disk may be bad already when recovery reads and writes it.
  const fromTheStart = random.below(3) === 0;
  if (fromTheStart) disturb?.();
  world.start();
  if (random.below(3) === 0) {
    // Dies in the middle of recovery, or soon after it.
    await Promise.race([world.dead(), world.clock.sleep(random.fraction() * 40)]);
  } else {
    await Promise.race([world.dead(), world.ready()]);
    await open(cast, random);
    const halfMs = 50 + random.below(450);
    await Promise.race([world.dead(), world.clock.sleep(halfMs)]);
    if (!fromTheStart && world.isRunning) disturb?.();
    await Promise.race([world.dead(), world.clock.sleep(halfMs)]);
    if (world.isRunning && cast.excuses.holds("full disk", world.life) && random.below(2) === 0)
      await makeRoom(cast);
  }
  cast.isOpen = true;
  if (random.below(3) > 0) await commitUnderWay(cast, random);
  world.crash(random.fraction() < profile.powerCutShare);
  calm(cast);
}

/** Resolves in the middle of the next commit, where a crash does most harm; or soon, when there is none. */
async function commitUnderWay({ world }: Cast, random: Random): Promise<void> {
  let begun: () => void = () => undefined;
  const hasBegun = new Promise<void>((resolve) => (begun = resolve));
  // Only looks on: it never says that an operation is to fail.
  const look = world.disk.failNext((operation) => {
    if (isCommit(operation)) begun();
    return false;
  }, "EIO");
  await Promise.race([world.dead(), hasBegun, world.clock.sleep(NO_COMMIT_MS)]);
  look.cancel();
  await world.clock.sleep(random.fraction() * COMMIT_MS);
}

/** A durable write behind the header of a segment, or a sync where there are no durable writes. */
function isCommit({ kind, path, durable, position }: DiskOperation): boolean {
  if (!path.startsWith(`${DATA_DIRECTORY}/journal/`)) return false;
  return kind === "sync" || (kind === "write" && durable === true && (position ?? 0) > 0);
}

/** Lets clients in: after a look at what survived, before anything new can take the place of what did not. */
export async function open(cast: Cast, random: Random): Promise<void> {
  await cast.world.answersArrived();
  await auditTails(cast, random);
  cast.isOpen = true;
}

/** A disk without faults, and with room. */
export function calm({ world }: Cast): void {
  world.disk.setChances({});
  world.disk.setCapacity(ROOMY_BYTES);
}

/** What will be wrong with the disk in a life, if anything. */
function disturbance(cast: Cast, random: Random, life: number): (() => void) | undefined {
  const { profile } = cast.world;
  if (random.fraction() < profile.failingDiskShare) return () => failingDisk(cast, random, life);
  if (random.fraction() < profile.fullDiskShare) return () => fullDisk(cast, random, life);
  if (profile.rot) return () => rot(cast, random, life);
  return undefined;
}

function failingDisk(cast: Cast, random: Random, life: number): void {
  const { world } = cast;
  cast.excuses.give("failing disk", life);
  switch (random.below(4)) {
    case 0:
      world.disk.setChances({ writeError: 0.003, shortWrite: 0.1 });
      break;
    case 1:
      world.disk.setChances({ syncError: 0.02, shortWrite: 0.05 });
      break;
    case 2:
      world.disk.setChances({ readError: 0.02 });
      break;
    default:
      failNextCommit(cast);
  }
}

/** Makes the next durable write, or sync of journal bytes, fail, and sees to it that the process ends. */
function failNextCommit({ world }: Cast): void {
  let isArmed = true;
  const strike = (operation: DiskOperation): boolean => {
    if (!isArmed || !isCommit(operation)) return false;
    isArmed = false;
    const { life } = world;
    const what = `${operation.kind} of ${operation.path}`;
    world.note(`fails: ${what}`);
    world.clock.schedule(ENDING_MS, () =>
      faultsNeverLose.afterFailedCommit(world.isRunning && world.life === life, what),
    );
    return true;
  };
  const fault = world.disk.failNext(strike, "EIO");
  void world.dead().then(() => {
    isArmed = false;
    fault.cancel();
  });
}

function fullDisk({ world, excuses }: Cast, random: Random, life: number): void {
  excuses.give("full disk", life);
  const usedBytes = world.disk.dump().files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  world.disk.setCapacity(usedBytes + random.below(200_000));
}

/** The disk has room again: the same process takes puts again. */
async function makeRoom({ world }: Cast): Promise<void> {
  world.disk.setCapacity(ROOMY_BYTES);
  await Promise.race([world.dead(), world.clock.sleep(ROOM_NOTICED_MS)]);
  if (world.server !== undefined) faultsNeverLose.afterRoomCameBack(world.server.journal.readOnlyReason());
}

/** Flips a bit in the data of a record that lies in an old segment. */
function rot({ world, ledger, excuses }: Cast, random: Random, life: number): void {
  const segments = world.disk.paths().filter((path) => path.endsWith(".segment"));
  const old = segments.slice(0, -2);
  for (let tries = 0; tries < 20 && old.length > 0; tries += 1) {
    const streams = [...ledger.streams.values()];
    const stream = streams[random.below(Math.max(1, streams.length))];
    const shards = [...(stream?.shards.values() ?? [])];
    const shard = shards[random.below(Math.max(1, shards.length))];
    const record = shard?.sorted[random.below(Math.max(1, shard.sorted.length))];
    if (stream === undefined || record === undefined) continue;
    const data = dataOf(record.attempt);
    for (const path of old) {
      const at = Buffer.from(world.disk.bytes(path)).indexOf(data);
      if (at < 0) continue;
      world.disk.corrupt(path, at + random.below(data.length), 1 << random.below(8));
      world.note(`rot in ${path}: record ${record.attempt.id}`);
      excuses.give("rot", life);
      stream.rotten = true;
      return;
    }
  }
}
