/** Histories of a cluster with one mutation applied to the engine, or with none: see `projects.ts`. */
import { expect, test } from "vitest";
import { FailedClusterHistory, runClusterHistory } from "../cluster/cluster-history.ts";
import { clusterMutations } from "./cluster-mutations.ts";

const mutation = clusterMutations.find(({ name }) => name === process.env["SIMULATION_MUTATION"]);

if (mutation === undefined) {
  test.each(clusterMutations)(
    "without $name the same seeds keep every promise",
    async ({ profile, seedsMax }) => {
      for (let seed = 1; seed <= seedsMax; seed += 1) await runClusterHistory(seed, profile);
    },
  );
} else {
  test(`${mutation.name} is found by ${mutation.checker}`, async () => {
    const { bug, checker, orChecker = checker, name, profile, seedsMax } = mutation;
    for (let seed = 1; seed <= seedsMax; seed += 1) {
      const failure = await runClusterHistory(seed, profile).then(
        () => undefined,
        (error: unknown) => error,
      );
      if (failure === undefined) continue;
      if (!(failure instanceof FailedClusterHistory)) throw failure;
      console.log(`${name} is found by seed ${seed}: ${failure.message.split("\n", 1)[0]}`);
      expect([checker, orChecker]).toContain(failure.checker);
      return;
    }
    expect.fail(`${seedsMax} seeds stay green although ${bug}`);
  });
}
