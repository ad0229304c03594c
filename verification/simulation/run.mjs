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
 *   npm run test:simulation -- --cluster         histories of a cluster: fixed and fresh ones
 *   npm run test:simulation -- --cluster --seed 4711   and so on: the same, of a cluster
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
/** Histories of a cluster are short. */
const CLUSTER_FIXED = 1_000;
const CLUSTER_FRESH = 200;

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    seeds: { type: "string" },
    fresh: { type: "string" },
    mutations: { type: "boolean", default: false },
    cluster: { type: "boolean", default: false },
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

/** The seeds that are asked for; none when nobody asks and `isAll` is false. */
function seedsOf(isAll, fixed, fresh) {
  const ranges = [];
  if (values.seeds !== undefined || isAll)
    ranges.push(`1-${values.seeds === undefined ? fixed : count("seeds")}`);
  if (values.fresh !== undefined || isAll)
    ranges.push(freshSeeds(values.fresh === undefined ? fresh : count("fresh")));
  return ranges.join(",");
}

if (values.seed !== undefined) {
  const name = values.cluster ? "SIMULATION_CLUSTER_SEEDS" : "SIMULATION_SEEDS";
  run(`seed ${values.seed}`, {
    [name]: String(count("seed")),
    SIMULATION_SUITES: values.cluster ? "cluster" : "histories",
    SIMULATION_TRACE: "yes",
  });
} else {
  const isAsked = values.seeds !== undefined || values.fresh !== undefined;
  const isAll = values.ci || !(isAsked || values.mutations || values.cluster);
  const seeds = values.cluster ? "" : seedsOf(isAll, FIXED, FRESH);
  const clusterSeeds =
    values.cluster || isAll ? seedsOf(isAll || !isAsked, CLUSTER_FIXED, CLUSTER_FRESH) : "";
  const suites = [
    ...(seeds === "" ? [] : ["histories"]),
    ...(clusterSeeds === "" ? [] : ["cluster"]),
    ...(values.mutations || isAll ? ["mutations"] : []),
  ];
  const shown = [
    ...(seeds === "" ? [] : [`seeds ${seeds}, each twice`]),
    ...(clusterSeeds === "" ? [] : [`seeds ${clusterSeeds} of a cluster`]),
  ];
  run(`${suites.join(" and ")}: ${shown.join("; ") || "no seeds"}, in ${workers} processes`, {
    SIMULATION_SUITES: suites.join(","),
    SIMULATION_SEEDS: seeds || undefined,
    SIMULATION_CLUSTER_SEEDS: clusterSeeds || undefined,
    SIMULATION_PARTS: String(workers),
    VITEST_MAX_WORKERS: String(workers),
  });
}
