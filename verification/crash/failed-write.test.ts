/** Writes and syncs of the journal that fail: the process ends by itself, and what it acknowledged is there. */
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { BadDisk, probePreload, type Failure } from "./src/bad-disk.ts";
import { scratchDirectory, undoEverything } from "./src/cleanup.ts";
import { connect } from "./src/connection.ts";
import { Ledger } from "./src/ledger.ts";
import { startLoad } from "./src/load.ts";
import { describeExit, Program, type Exit } from "./src/program.ts";
import { choices, howToRepeat, rounds, runtime } from "./src/settings.ts";
import { createStream, verify } from "./src/verdict.ts";

const FILE = "failed-write.test.ts";
/** How the process says that it ended because going on could break a promise. */
const CRASH_EXIT_CODE = 70;
const FIRE_TIMEOUT_MS = 20_000;
const END_TIMEOUT_MS = 10_000;
/** A start makes a few dozen calls; the last ones may come after it is ready. */
const CALLS_OF_A_START = 24;
const { refusal } = probePreload();
const because = refusal === undefined ? "" : ` (preload: ${refusal})`;

afterEach(undoEverything);

/** A stream on a disk that can be spoiled, with records in it. */
class Victim {
  failed = true;
  readonly ledger = new Ledger();
  readonly dataDir: string;
  readonly disk: BadDisk;
  readonly #random;

  constructor(name: string) {
    const scratch = scratchDirectory("failed", () => this.failed);
    this.dataDir = join(scratch, "data");
    this.disk = new BadDisk(scratch, this.dataDir);
    this.#random = choices(name);
  }

  start(): Program {
    return new Program({ dataDir: this.dataDir, environment: this.disk.environment });
  }

  async load(program: Program) {
    const endpoint = await program.ready;
    const client = connect(endpoint);
    await createStream(client, "orders", 3);
    await client.close();
    return startLoad({ endpoint, streamName: "orders", ledger: this.ledger, random: this.#random });
  }

  /** Waits until the failure was injected, then until the process has ended or clearly goes on. */
  async outcome(program: Program, waitMs: number): Promise<Exit | undefined> {
    const deadlineMs = runtime.clock.monotonicMs() + FIRE_TIMEOUT_MS;
    while (this.disk.fired.count === 0 && runtime.clock.monotonicMs() < deadlineMs)
      await runtime.clock.sleep(5);
    expect(this.disk.fired.count, "the failure was injected").toBe(1);
    return (await Promise.race([program.exited, runtime.clock.sleep(waitMs)])) ?? undefined;
  }

  /** A good disk again: everything acknowledged is there, and puts go on. */
  async recovers(exit: Exit | undefined): Promise<void> {
    const { what } = this.disk.fired;
    this.disk.heal();
    const program = this.start();
    const client = connect(await program.ready);
    await verify(client, "orders", this.ledger, `after ${what}`, FILE);
    expect(this.ledger.acknowledgedCount).toBeGreaterThan(0);
    await client.putRecord({ StreamName: "orders", PartitionKey: "after", Data: Buffer.from("after") });
    await client.close();
    await program.stop();
    console.info(
      `${what}: ${exit ? describeExit(exit) : "went on"}, ${this.ledger.acknowledgedCount} acknowledged`,
    );
    this.failed = false;
  }
}

async function failUnderLoad(
  name: string,
  failure: Failure,
): Promise<{ exit: Exit | undefined; what: string; output: string }> {
  console.info(howToRepeat(FILE));
  const victim = new Victim(name);
  const program = victim.start();
  const load = await victim.load(program);
  await runtime.clock.sleep(200);
  victim.disk.failNext(failure);
  const exit = await victim.outcome(program, failure.how === "short" ? 500 : END_TIMEOUT_MS);
  const { what } = victim.disk.fired;
  if (exit === undefined) await program.kill();
  await load.stop();
  await victim.recovers(exit);
  return { exit, what, output: program.output };
}

describe.skipIf(refusal !== undefined)(`the call that makes commits durable${because}`, () => {
  test.each([
    { error: "EIO", how: "before" },
    { error: "EIO", how: "after" },
    { error: "ENOSPC", how: "before" },
  ] as const)("$error from it, $how writing, ends the process and loses nothing", async ({ error, how }) => {
    const callNumber = 1 + choices(`${error} ${how}`).below(30);
    const { exit, what, output } = await failUnderLoad(`${error} ${how}`, {
      calls: ["durable write"],
      callNumber,
      error,
      how,
    });
    expect(what).toMatch(/\.segment$/);
    expect(exit, output).toEqual({ code: CRASH_EXIT_CODE, signal: null });
    expect(output).toMatch(new RegExp(error));
  });

  test("a short write is completed before anything is acknowledged", async () => {
    const { exit, what, output } = await failUnderLoad("short", {
      calls: ["durable write"],
      callNumber: 1 + choices("short call").below(30),
      error: "EIO",
      how: "short",
    });
    expect(what).toMatch(/\.segment$/);
    expect(exit, output).toBeUndefined();
  });
});

describe.skipIf(refusal !== undefined)(`any call below the data directory${because}`, () => {
  test("EIO from a sync, or from a write beside the commits, loses nothing", { timeout: 0 }, async () => {
    const random = choices("beside");
    for (let round = 0; round < rounds(2); round += 1) {
      for (const calls of [["sync"], ["write"]] as const) {
        const { exit, output } = await failUnderLoad(`beside ${round} ${calls.join()}`, {
          calls,
          callNumber: 1 + random.below(3),
          error: "EIO",
          how: random.below(2) === 0 ? "before" : "after",
        });
        if (exit !== undefined) expect(exit, output).toEqual({ code: CRASH_EXIT_CODE, signal: null });
        undoEverything();
      }
    }
  });

  test("EIO during recovery loses nothing", { timeout: 0 }, async () => {
    console.info(howToRepeat(FILE));
    const random = choices("recovery");
    for (let round = 0; round < rounds(3); round += 1) {
      const victim = new Victim(`recovery ${round}`);
      let program = victim.start();
      const load = await victim.load(program);
      await runtime.clock.sleep(300);
      await program.kill();
      await load.stop();

      victim.disk.failNext({
        calls: ["write", "sync", "durable write"],
        callNumber: 1 + random.below(CALLS_OF_A_START),
        error: "EIO",
        how: random.below(2) === 0 ? "before" : "after",
      });
      program = victim.start();
      const exit = await victim.outcome(program, 2_000);
      if (exit === undefined) await program.kill();
      else expect(exit.code, program.output).not.toBe(0);
      await victim.recovers(exit);
      undoEverything();
    }
  });
});
