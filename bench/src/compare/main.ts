#!/usr/bin/env node
/** `npm run bench:compare`: Millrace, its peers and its ceilings side by side in one run. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Sizes } from "../harness/bench.ts";
import { describeMachine, loadOfMachine, thisCommit, thisMachine } from "../harness/machine.ts";
import { recordResult, resultsDirectory } from "../harness/results.ts";
import { allScenarios } from "./all-scenarios.ts";
import { MILLRACE } from "./participants.ts";
import { drawPicture } from "./picture.ts";
import { formatOutcome, formatVerdict, outcomeLine } from "./report.ts";
import { runScenario } from "./run-scenario.ts";
import type { ScenarioOutcome } from "./run-scenario.ts";
import type { Participant, Scenario } from "./scenario.ts";

const HELP = `Measures Millrace beside other servers of the Kinesis API, and beside ceilings: servers on the same listener
that leave a part of the work out, and the journal alone.

Usage: npm run bench:compare [-- OPTIONS]

  --only SCENARIO    Only this scenario; may be repeated, or name several with commas. Draws no picture
  --draw             Draws the picture of what ran all the same
  --without NAME     Goes on without this participant; may be repeated, or name several with commas
  --rounds COUNT     How often everybody has a turn; medians are printed (default: 5)
  --smoke            Tiny sizes and one round: does everything still run? Nothing is recorded
  --list             The scenarios and who takes part
  --help             This

Everybody has a turn in each round, in the same order (A, B, C, A, B, C, …), alone on the machine. Servers and load
generators are processes of their own; the columns "cores" say how busy they were, so that a generator at 1 is seen
to be what was measured. Peers run at the versions pinned in bench/peers, with their own defaults; an option that
had to differ is printed. Millrace counts every limit, at values that are out of reach.

An error from anybody fails the run. Budgets are marked pass or miss; a miss fails nothing. Each scenario appends a
line to bench/results/YYYY-MM-DD.jsonl, and a whole run draws bench/results/compare.svg.

Peers are installed with: node bench/peers/install.mjs

Environment:
  BENCH_DIRECTORY    Where servers keep their data: on the disk that is to be measured (default: that of the
                     machine's temporary files)

Examples:
  npm run bench:compare -- --only put-records-json,put-record
  npm run bench:compare -- --without moto,ferrokinesis`;

const { values } = parseArgs({
  options: {
    only: { type: "string", multiple: true, default: [] },
    without: { type: "string", multiple: true, default: [] },
    rounds: { type: "string" },
    draw: { type: "boolean", default: false },
    smoke: { type: "boolean", default: false },
    list: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

if (values.help) console.log(HELP);
else if (values.list) console.log(allScenarios.map(describeScenario).join("\n"));
else await compare();

function describeScenario(scenario: Scenario): string {
  const names = scenario.participants(scenario.sizes.full).map(({ name }) => name);
  return `${scenario.name}\n  ${scenario.question}\n  ${names.join(", ")}`;
}

async function compare(): Promise<void> {
  const chosen = choose(listOf(values.only));
  const rounds = roundsOf(values.rounds);
  const entered = enter(chosen, listOf(values.without));
  const machine = describeMachine(thisMachine());
  const commit = thisCommit();
  const loadAverage = loadOfMachine();
  console.log(`${machine}; commit ${commit}; medians of ${rounds}`);
  if (loadAverage > thisMachine().cores / 2)
    console.log(
      `The machine is busy with something else (load average ${loadAverage}): figures are not to be trusted.`,
    );
  console.log();

  const outcomes: ScenarioOutcome[] = [];
  for (const { scenario, size, participants } of entered) {
    try {
      const outcome = await runScenario(scenario, {
        participants,
        rounds,
        progress: (text) => console.error(`${scenario.name}: ${text}`),
      });
      console.log(formatOutcome(outcome));
      outcomes.push(outcome);
      if (!values.smoke) recordResult(outcomeLine(outcome, { size, rounds, loadAverage }));
    } catch (error) {
      process.exitCode = 1;
      console.error(`${scenario.name} FAILED: ${error instanceof Error ? error.message : String(error)}\n`);
    }
  }

  const verdicts = outcomes.flatMap((outcome) => outcome.verdicts);
  if (verdicts.length > 0)
    console.log(`Budgets:\n${verdicts.map((one) => `  ${formatVerdict(one)}`).join("\n")}\n`);
  if (outcomes.length < entered.length) {
    console.error(`${entered.length - outcomes.length} of ${entered.length} scenarios failed`);
    return;
  }
  if (values.smoke || (chosen.length < allScenarios.length && !values.draw)) return;
  const path = join(resultsDirectory, "compare.svg");
  mkdirSync(resultsDirectory, { recursive: true });
  writeFileSync(
    path,
    drawPicture(outcomes, { machine, commit, date: new Date().toISOString().slice(0, 10), rounds }),
  );
  console.log(`drawn: ${path}`);
}

function choose(names: readonly string[]): readonly Scenario[] {
  if (names.length === 0) return allScenarios;
  return names.map(
    (name) =>
      allScenarios.find((scenario) => scenario.name === name) ??
      refuse(`there is no scenario ${name}; --list shows those there are`),
  );
}

interface Entered {
  readonly scenario: Scenario;
  readonly size: Sizes;
  readonly participants: readonly Participant[];
}

/** Refuses to begin without somebody whom nobody has left out on purpose. */
function enter(scenarios: readonly Scenario[], without: readonly string[]): Entered[] {
  const known = new Set(
    allScenarios.flatMap(({ sizes, participants }) => participants(sizes.full).map(({ name }) => name)),
  );
  const missing = new Map<string, string>();
  const entered = scenarios.map((scenario): Entered => {
    const size = values.smoke ? scenario.sizes.smoke : scenario.sizes.full;
    const all = scenario.participants(size);
    const participants = all.filter(({ name }) => !without.includes(name));
    for (const one of participants) if (one.missing !== undefined) missing.set(one.name, one.missing);
    return { scenario, size, participants };
  });
  for (const name of without) {
    if (!known.has(name))
      refuse(`--without ${name}: nobody of that name takes part; there are ${[...known].join(", ")}`);
    if (name === MILLRACE) refuse("there is nothing to compare without Millrace");
  }
  if (missing.size > 0) {
    refuse(
      [...missing.values(), `Or go on without: --without ${[...missing.keys()].map(quoted).join(",")}`].join(
        "\n",
      ),
    );
  }
  return entered;
}

function quoted(name: string): string {
  return name.includes(" ") ? `"${name}"` : name;
}

function listOf(given: readonly string[]): string[] {
  return given.flatMap((names) => names.split(","));
}

function roundsOf(text: string | undefined): number {
  if (text === undefined) return values.smoke ? 1 : 5;
  if (/^[1-9]\d*$/.test(text)) return Number(text);
  return refuse(`--rounds takes a whole number above 0, not ${text}`);
}

function refuse(reason: string): never {
  console.error(reason);
  process.exit(2);
}
