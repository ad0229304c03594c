/** Runs with one mutation applied to the sources, or with none: see `projects.ts`. */
import { expect, test } from "vitest";
import { FailedHistory, runHistory } from "../history.ts";
import { mutations } from "./mutations.ts";

const mutation = mutations.find(({ name }) => name === process.env["SIMULATION_MUTATION"]);

if (mutation === undefined) {
  test.each(mutations)("without $name the same seeds keep every promise", async ({ profile, seedsMax }) => {
    for (let seed = 1; seed <= seedsMax; seed += 1) await runHistory(seed, profile);
  });
} else {
  test(`${mutation.name} is found by ${mutation.checker}`, async () => {
    const { bug, checker, orChecker = checker, name, profile, seedsMax } = mutation;
    for (let seed = 1; seed <= seedsMax; seed += 1) {
      const failure = await runHistory(seed, profile).then(
        () => undefined,
        (error: unknown) => error,
      );
      if (failure === undefined) continue;
      if (!(failure instanceof FailedHistory)) throw failure;
      console.log(`${name} is found by seed ${seed}: ${failure.message.split("\n", 1)[0]}`);
      expect([checker, orChecker]).toContain(failure.checker);
      return;
    }
    expect.fail(`${seedsMax} seeds stay green although ${bug}`);
  });
}
