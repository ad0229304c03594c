/** kill -9, again and again, under load and in the middle of recoveries. */
import { afterEach, expect, test } from "vitest";
import { CatalogChurn } from "./src/catalog-churn.ts";
import { scratchDirectory, undoEverything } from "./src/cleanup.ts";
import { connect } from "./src/connection.ts";
import { Ledger } from "./src/ledger.ts";
import { startLoad } from "./src/load.ts";
import { Program } from "./src/program.ts";
import { choices, howToRepeat, rounds, runtime } from "./src/settings.ts";
import { createStream, PromiseBroken, recordCountOf, verify } from "./src/verdict.ts";

const FILE = "kill.test.ts";
/** A directory that only grows makes every check longer. */
const ROUNDS_PER_DIRECTORY = 8;

afterEach(undoEverything);

test(
  "kill -9 under load and during recovery loses nothing that was acknowledged",
  { timeout: 0 },
  async () => {
    console.info(howToRepeat(FILE));
    const random = choices("kill");
    const count = rounds(8);
    for (let round = 0; round < count;) {
      let failed = true;
      const dataDir = scratchDirectory("kill", () => failed);
      const ledger = new Ledger();
      let program = new Program({ dataDir });
      let client = connect(await program.ready);
      await createStream(client, "orders", 3);
      const churn = new CatalogChurn("orders");
      for (
        let inDirectory = 0;
        inDirectory < ROUNDS_PER_DIRECTORY && round < count;
        inDirectory += 1, round += 1
      ) {
        const load = startLoad({ endpoint: await program.ready, streamName: "orders", ledger, random });
        const churning = churn.start(await program.ready, random);
        await runtime.clock.sleep(random.below(1_500));
        expect(program.exit, program.output).toBeUndefined();
        await program.kill();
        await client.close();
        await load.stop();
        await churning.stop();

        const interruptedStarts = random.below(4);
        const startMs = program.startMs ?? 0;
        for (let start = 0; start < interruptedStarts; start += 1) {
          program = new Program({ dataDir });
          await runtime.clock.sleep(random.fraction() * startMs);
          await program.kill();
        }

        program = new Program({ dataDir });
        client = connect(await program.ready);
        const reading = await verify(client, "orders", ledger, `round ${round}`, FILE);
        const violations = await churn.check(client);
        if (violations.length > 0) throw new PromiseBroken(violations, `round ${round}`, FILE);
        console.info(
          `round ${round}: ${ledger.acknowledgedCount} records and ${churn.acknowledgedCount} steps acknowledged, ${recordCountOf(reading)} read, ` +
            `${reading.shards.length} shards, ${interruptedStarts} starts interrupted, ` +
            `ready after ${Math.round(program.startMs ?? 0)} ms`,
        );
      }
      await client.close();
      await program.stop();
      expect(ledger.acknowledgedCount).toBeGreaterThan(0);
      failed = false;
      undoEverything();
    }
  },
);
