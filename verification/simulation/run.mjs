#!/usr/bin/env node
/**
 * Runs histories and mutations.
 *
 *   npm run test:simulation                      fixed and fresh seeds and the mutations
 *   npm run test:simulation -- --ci              the same, as CI says it
 *   npm run test:simulation -- --seed 4711       one history, with its last events when it fails
 *   npm run test:simulation -- --seeds 200       seeds 1 to 200
 *   npm run test:simulation -- --fresh 300       seeds that nobody tried before; they are printed
 *   npm run test:simulation -- --mutations       only the mutations
 */
import { spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const FIXED = 700;
const FRESH = 300;

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    seeds: { type: "string" },
    fresh: { type: "string" },
    mutations: { type: "boolean", default: false },
    ci: { type: "boolean", default: false },
  },
});

const root = dirname(fileURLToPath(import.meta.url));
const vitest = join(dirname(createRequire(import.meta.url).resolve("vitest/package.json")), "vitest.mjs");
const workers = Math.min(2, availableParallelism());

function run(what, environment) {
  console.log(what);
  const { status } = spawnSync(
    process.execPath,
    [vitest, "run", "--config", join(root, "vitest.config.ts")],
    {
      cwd: root,
      stdio: "inherit",
      env: { ...process.env, ...environment },
    },
  );
  if (status !== 0) process.exitCode = 1;
}

function count(name) {
  const value = Number(values[name]);
  if (Number.isSafeInteger(value) && value > 0) return value;
  console.error(`--${name} takes a number above 0, not ${values[name]}`);
  process.exit(2);
}

/** A range of `length` seeds that fixed ones never reach. */
function freshSeeds(length) {
  const first = 1_000_000 + randomInt(1_000_000_000);
  return `${first}-${first + length - 1}`;
}

if (values.seed !== undefined) {
  run(`seed ${values.seed}`, { SIMULATION_SEEDS: String(count("seed")), SIMULATION_TRACE: "yes" });
} else {
  const isAll = values.ci || (values.seeds === undefined && values.fresh === undefined && !values.mutations);
  const ranges = [];
  if (values.seeds !== undefined || isAll)
    ranges.push(`1-${values.seeds === undefined ? FIXED : count("seeds")}`);
  if (values.fresh !== undefined || isAll)
    ranges.push(freshSeeds(values.fresh === undefined ? FRESH : count("fresh")));
  const suites = [
    ...(ranges.length > 0 ? ["histories"] : []),
    ...(values.mutations || isAll ? ["mutations"] : []),
  ];
  const seeds = ranges.length > 0 ? `seeds ${ranges.join(" and ")}, each twice` : "no seeds";
  run(`${suites.join(" and ")}: ${seeds}, in ${workers} processes`, {
    SIMULATION_SUITES: suites.join(","),
    SIMULATION_SEEDS: ranges.join(",") || undefined,
    SIMULATION_PARTS: String(workers),
    VITEST_MAX_WORKERS: String(workers),
  });
}
