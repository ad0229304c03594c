/**
 * One history: a seed, and all that follows from it. Clients put, read, reshard, delete and move time while
 * the server dies again and again; afterwards, on a calm machine, everything is asked back.
 */
import type { Random } from "@millrace/runtime";
import { auditEverything, insist } from "./actors/audit.ts";
import type { Cast } from "./actors/cast.ts";
import { Excuses, UnexpectedAnswer } from "./actors/cast.ts";
import { calm, chaos, open } from "./actors/chaos.ts";
import { control, createFirstStreams, UNTAGGED } from "./actors/control.ts";
import { iteratorHoarder } from "./actors/iterator-hoarder.ts";
import { producer, putOne } from "./actors/producer.ts";
import { reader } from "./actors/reader.ts";
import { resharder } from "./actors/resharder.ts";
import { subscriber } from "./actors/subscriber.ts";
import { time } from "./actors/time.ts";
import { BrokenPromise } from "./broken-promise.ts";
import { faultsNeverLose, isDiskError } from "./checkers/faults-never-lose.ts";
import { HOUR_MS, Ledger } from "./ledger.ts";
import type { Profile } from "./profile.ts";
import { profileOf } from "./profile.ts";
import { Witness } from "./witness.ts";
import { Client } from "./world/client.ts";
import { World } from "./world/world.ts";

export interface HistoryResult {
  /** Of every byte that went in and out, and of the disk in the end. */
  readonly digest: string;
  readonly acknowledged: number;
  readonly read: number;
  readonly deaths: Readonly<Record<string, number>>;
  readonly faults: number;
}

/** Why a history failed, with what is needed to look into it. */
export class FailedHistory extends Error {
  override readonly name = "FailedHistory";
  /** The checker that failed; undefined when it was no checker. */
  readonly checker: string | undefined;

  constructor(seed: number, world: World, cause: unknown) {
    const reason = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
    const trace =
      process.env["SIMULATION_TRACE"] === undefined
        ? []
        : ["", ...world.trace.recent(), "", ...logged(world), JSON.stringify(world.profile)];
    super(
      [`seed ${seed}: ${reason}`, `replay: npm run test:simulation -- --seed ${seed}`, ...trace].join("\n"),
      { cause },
    );
    this.checker = cause instanceof BrokenPromise ? cause.checker : undefined;
  }
}

/** What the server logged last, besides requests. */
function logged({ log }: World): string[] {
  return log.lines
    .filter(({ level }) => level !== "debug")
    .slice(-20)
    .map(({ level, message, fields }) => `${level} ${message} ${JSON.stringify(fields)}`);
}

/** Bytes that a journal without records may keep: the active segment, the next, two spares, and what is being sealed. */
const EMPTY_JOURNAL_BYTES_MAX = 6 * (128 << 10);
/** How long clients go on after the last life began, virtual milliseconds. */
const LAST_LIFE_MS = 400;

/** @throws {FailedHistory} */
export async function runHistory(seed: number, changes: Partial<Profile> = {}): Promise<HistoryResult> {
  const profile = { ...profileOf(seed), ...changes };
  const ledger = new Ledger();
  const excuses = new Excuses();
  const world: World = new World(seed, profile, {
    refusedToStart(error) {
      const { life } = world;
      const rot = excuses.holds("rot", life);
      const fullDisk = excuses.holds("full disk", life);
      const failingDisk = excuses.holds("failing disk", life);
      witness.refusedToStart({ error, excuses: { rot, fullDisk, failingDisk } });
      if (rot && !isDiskError(error)) excuses.rotRefused = true;
    },
    endedItself: (reason, cause) => faultsNeverLose.endedItself(reason, cause, diskIsBad()),
    bug(error) {
      if (isDiskError(error) && diskIsBad()) return;
      throw new UnexpectedAnswer(`a handler failed: ${error instanceof Error ? error.stack : String(error)}`);
    },
    resumed(offsetMs, leastMs, mostMs) {
      if (offsetMs >= leastMs && offsetMs <= mostMs) return;
      throw new BrokenPromise(
        "acknowledged-is-durable",
        `service time was ${leastMs} to ${mostMs} ms ahead and came back ${offsetMs} ms ahead`,
      );
    },
  });
  const diskWasBad = (fromLife: number, toLife: number): boolean =>
    excuses.holds("failing disk", fromLife, toLife) || excuses.holds("full disk", fromLife, toLife);
  const diskIsBad = (): boolean => diskWasBad(world.life, world.life);
  const witness = new Witness(ledger, { deaths: world.deaths, diskWasBad });
  const cast: Cast = { world, ledger, witness, excuses, isOpen: true };
  try {
    await world.clock.finish(story(cast));
  } catch (error) {
    throw new FailedHistory(seed, world, error);
  }
  world.note(`disk ${world.disk.dump().digest}`);
  const deaths: Record<string, number> = {};
  for (const death of world.deaths) deaths[death] = (deaths[death] ?? 0) + 1;
  return {
    digest: world.trace.digest(),
    acknowledged: ledger.acknowledgedCount,
    read: ledger.readCount,
    deaths,
    faults: world.disk.faultCount,
  };
}

async function story(cast: Cast): Promise<void> {
  const { world } = cast;
  const { profile } = world;
  const random = world.part();
  const troupe = [
    createFirstStreams(cast, random).then(() => control(cast)),
    ...Array.from({ length: profile.producers }, () => producer(cast)),
    ...Array.from({ length: profile.readers }, () => reader(cast)),
    ...Array.from({ length: profile.subscribers }, () => subscriber(cast)),
    resharder(cast),
    iteratorHoarder(cast),
    time(cast),
  ].map((work) => world.spawn(() => work));
  await chaos(cast);
  if (cast.excuses.rotRefused) {
    world.ended = true;
    await Promise.all(troupe);
    return;
  }
  calm(cast);
  cast.isOpen = false;
  await begin(cast);
  await open(cast, random);
  await world.clock.sleep(LAST_LIFE_MS);
  world.ended = true;
  await Promise.all(troupe);
  await epilogue(cast, random);
}

/** Nobody else is there any more, and nothing fails: everything must be as it was acknowledged. */
async function epilogue(cast: Cast, random: Random): Promise<void> {
  const { world } = cast;
  world.crash(random.below(2) === 0);
  if (!(await begin(cast))) return;
  await auditSettings(cast);
  await auditEverything(cast);
  await putEverywhere(cast, random);
  if (world.profile.retention && random.below(3) === 0) await outliveEverything(cast);
  const { powerCut } = await world.stop();
  if (!(await begin(cast))) return;
  // A segment whose seal was interrupted by a kill is sealed in the cache, and only until the power goes.
  if (!powerCut && world.server?.journal.recovery.clean !== true) {
    throw new BrokenPromise("acknowledged-is-durable", "a clean stop left something to recover");
  }
  await auditEverything(cast);
  await world.stop();
}

/** False when the server refuses because of flipped bits, which it may. */
async function begin(cast: Cast): Promise<boolean> {
  cast.world.start();
  await Promise.race([cast.world.ready(), cast.world.dead()]);
  return cast.world.isRunning || !cast.excuses.rotRefused;
}

async function auditSettings(cast: Cast): Promise<void> {
  const client = new Client(cast.world);
  for (const stream of cast.ledger.streams.values()) {
    if (stream.doomedOrder < Infinity) continue;
    const hours = await insist(cast, `DescribeStreamSummary of ${stream.name}`, async () => {
      const outcome = await client.call("DescribeStreamSummary", { StreamName: stream.name });
      if (outcome.kind === "refused" && outcome.code === "ResourceNotFoundException") {
        const proven =
          [...stream.shards.values()].flatMap(({ lastOpen }) => lastOpen ?? [])[0] ?? outcome.sent;
        const what = `the stream ${stream.name} is not there any more`;
        cast.witness.missing({ what, proven, received: outcome.received });
      }
      return outcome.kind === "answered"
        ? outcome.output.StreamDescriptionSummary.RetentionPeriodHours
        : undefined;
    });
    const possible = stream.retention.filter(({ toOrder }) => toOrder === Infinity).map((span) => span.hours);
    refuseOther(`the retention of ${stream.name} in hours`, hours, possible);
    const tags = await insist(cast, `ListTagsForStream of ${stream.name}`, async () => {
      const outcome = await client.call("ListTagsForStream", { StreamName: stream.name });
      return outcome.kind === "answered" ? outcome.output.Tags : undefined;
    });
    for (const [key, values] of stream.tags) {
      const value = tags.find(({ Key }) => Key === key)?.Value ?? UNTAGGED;
      refuseOther(`${key} of ${stream.name}`, value, [...values]);
    }
  }
}

function refuseOther<T>(what: string, value: T, possible: readonly T[]): void {
  if (possible.includes(value)) return;
  throw new BrokenPromise(
    "acknowledged-is-durable",
    `${what} is ${String(value)}, not ${possible.join(" or ")}`,
  );
}

/** After all that, the service still takes records. */
async function putEverywhere(cast: Cast, random: Random): Promise<void> {
  const client = new Client(cast.world);
  for (const stream of cast.ledger.streams.values()) {
    if (stream.doomedOrder < Infinity) continue;
    await insist(cast, `PutRecord to ${stream.name}`, async () =>
      (await putOne(cast, client, random, stream)) ? true : undefined,
    );
  }
}

/** A day after every retention has ended, nothing is readable and the disk is given back. */
async function outliveEverything(cast: Cast): Promise<void> {
  const { world, ledger } = cast;
  const hours = Math.max(
    ...[...ledger.streams.values()].flatMap(({ retention }) => retention.map((span) => span.hours)),
    24,
  );
  await world.advance((hours + 1) * HOUR_MS);
  await auditEverything(cast);
  await world.server?.journal.settled();
  const usedBytes = world.disk
    .dump()
    .files.filter(({ path }) => path.endsWith(".segment") || path.endsWith(".tmp"))
    .reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (usedBytes > EMPTY_JOURNAL_BYTES_MAX && !cast.excuses.holds("rot", world.life)) {
    throw new BrokenPromise(
      "kept-until-retention-and-gone-after",
      `${usedBytes} bytes are kept although all records are past retention`,
    );
  }
}
