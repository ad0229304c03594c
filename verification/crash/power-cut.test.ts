/** The power goes while the server is writing, with a drive that loses its cache, keeps it, or tears it. */
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { BadDisk, probePreload } from "./src/bad-disk.ts";
import { parentForImages, scratchDirectory, undoEverything } from "./src/cleanup.ts";
import { connect } from "./src/connection.ts";
import { mount, probeLoopMount } from "./src/file-system.ts";
import { Ledger } from "./src/ledger.ts";
import { startLoad, type Load } from "./src/load.ts";
import { CuttableDisk, hasCanary, SURVIVORS, type Cut, type Survivor } from "./src/power-cut.ts";
import { Program } from "./src/program.ts";
import { choices, howToRepeat, rounds, runtime } from "./src/settings.ts";
import { createStream, examine, PromiseBroken, recordCountOf, remember } from "./src/verdict.ts";

const FILE = "power-cut.test.ts";
const DISK_BYTES = 192 << 20;
/** Images of one run: the platter, a copy of it, and three disks. */
const SCRATCH_BYTES = 5 * DISK_BYTES;
const HOLD_TIMEOUT_MS = 5_000;
const loopMount = probeLoopMount();
const preload = probePreload();
/** Why a case is skipped, as a part of its name: the report of a whole run allows only what a kernel refuses. */
const because = (refusals: readonly (string | undefined)[]) => {
  const met = refusals.filter((refusal) => refusal !== undefined);
  if (met.length === 0) return "";
  return ` (${loopMount.refusal === undefined ? "preload" : "loop-mount"}: ${met.join("; ")})`;
};

afterEach(undoEverything);

class Site {
  failed = true;
  readonly scratch = scratchDirectory("power", () => this.failed, parentForImages(SCRATCH_BYTES));
  readonly disk = new CuttableDisk(this.scratch, DISK_BYTES);
  readonly dataDir = join(this.disk.directory, "data");
  readonly ledger = new Ledger();

  startLoad(endpoint: string, random: ReturnType<typeof choices>): Load {
    return startLoad({ endpoint, streamName: "orders", ledger: this.ledger, random, sizeBytesMax: 100_000 });
  }

  /** Starts the server on what a cut left, and looks at everything. */
  async examine(images: Cut["images"], survivor: Survivor) {
    const mounted = mount(images[survivor], join(this.scratch, survivor));
    const canary = hasCanary(mounted);
    const program = new Program({ dataDir: join(mounted.directory, "data") });
    try {
      const client = connect(await program.ready);
      const examined = await examine(client, "orders", this.ledger);
      await client.close();
      await program.stop();
      return { ...examined, canary };
    } finally {
      await program.kill();
      mounted.unmount();
    }
  }
}

test.skipIf(loopMount.refusal !== undefined)(
  `a power cut loses nothing that was acknowledged${because([loopMount.refusal])}`,
  { timeout: 0 },
  async () => {
    console.info(howToRepeat(FILE));
    const random = choices("power cut");
    const site = new Site();
    const { disk, dataDir, ledger } = site;
    const bad = preload.refusal === undefined ? new BadDisk(site.scratch, dataDir) : undefined;
    let heldRounds = 0;
    let cachedSectors = 0;
    for (let round = 0; round < rounds(4); round += 1) {
      const program = new Program({ dataDir, environment: bad?.environment ?? {} });
      const client = connect(await program.ready);
      if (round === 0) await createStream(client, "orders", 3);
      const load = site.startLoad(await program.ready, random);
      await runtime.clock.sleep(200 + random.below(1_200));
      // Most cuts come when a commit is in the drive's cache and not yet flushed.
      const held = bad !== undefined && round % 4 !== 0;
      if (held) {
        bad.hold();
        const deadlineMs = runtime.clock.monotonicMs() + HOLD_TIMEOUT_MS;
        while (bad.heldCount === 0 && runtime.clock.monotonicMs() < deadlineMs) await runtime.clock.sleep(1);
        expect(bad.heldCount, "a commit is being held").toBeGreaterThan(0);
      }
      program.signal("SIGSTOP");
      const cut = disk.cut(random);
      await program.kill();
      await client.close();
      await load.stop();
      bad?.heal();
      if (held) {
        heldRounds += 1;
        cachedSectors += cut.cachedSectors;
      }

      for (const survivor of SURVIVORS) {
        const { reading, violations, canary } = await site.examine(cut.images, survivor);
        const where = `round ${round}, ${survivor} disk`;
        if (violations.length > 0) throw new PromiseBroken(violations, where, FILE);
        if (survivor === "flushed") expect(canary, "the cut took what was never synced").toBe(false);
        console.info(
          `${where}: ${ledger.acknowledgedCount} acknowledged, ${recordCountOf(reading)} read, ` +
            `${cut.cachedSectors} sectors were only in the drive's cache`,
        );
        // Each disk is another world; the last one is where the story goes on.
        if (survivor === SURVIVORS.at(-1)) remember(ledger, reading);
      }
      disk.replace(cut.images.mixed);
    }
    expect(ledger.acknowledgedCount).toBeGreaterThan(0);
    // A sync that was under way may empty the cache of one round, hardly of all.
    if (heldRounds > 0) expect(cachedSectors, "commits were caught in the drive's cache").toBeGreaterThan(0);
    site.failed = false;
  },
);

test.skipIf(loopMount.refusal !== undefined || preload.refusal !== undefined)(
  `a server whose syncs do nothing is caught by a power cut${because([loopMount.refusal, preload.refusal])}`,
  { timeout: 0 },
  async () => {
    const random = choices("lie");
    const site = new Site();
    site.failed = false;
    const bad = new BadDisk(site.scratch, site.dataDir);
    bad.lie();
    const program = new Program({ dataDir: site.dataDir, environment: bad.environment });
    const client = connect(await program.ready);
    await createStream(client, "orders", 3);
    const load = site.startLoad(await program.ready, random);
    await runtime.clock.sleep(500);
    program.signal("SIGSTOP");
    const { images } = site.disk.cut(random);
    await program.kill();
    await client.close();
    await load.stop();
    expect(bad.liedCount).toBeGreaterThan(0);
    expect(site.ledger.acknowledgedCount).toBeGreaterThan(0);
    const verdict = await site.examine(images, "flushed").then(
      ({ violations }) => violations.map(({ promise }) => promise),
      (error: unknown) => [String(error)],
    );
    // Not even the catalog may have survived; then the stream itself is what is missing.
    expect(verdict.join("\n")).toMatch(
      /acknowledged means durable|Stream orders under account \d+ not found/,
    );
  },
);
