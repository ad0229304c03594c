/** A comparison for people: a table, and how it stands to the budgets; and for later: one line of JSON. */
import type { Sizes } from "../harness/bench.ts";
import { thisCommit, thisMachine } from "../harness/machine.ts";
import { alignColumns, formatNumber } from "../harness/table.ts";
import type { BudgetVerdict, ParticipantOutcome, ScenarioOutcome } from "./run-scenario.ts";

/** Of whom all others are multiples in the table. */
const MEASURE = "Millrace";

export function formatOutcome({ scenario, participants, verdicts, notes }: ScenarioOutcome): string {
  const { name, question, unit } = scenario;
  const measure = participants.find((one) => one.name === MEASURE)?.medians.value;
  const head = [
    "",
    unit,
    "lowest – highest",
    `${MEASURE} = 1`,
    "p50 ms",
    "p99 ms",
    "server cores",
    "load cores",
  ];
  const rows = participants.map(({ name: who, version, turns, medians }) => {
    const values = turns.map(({ value }) => value);
    return [
      version === undefined ? who : `${who} ${version}`,
      formatNumber(medians.value),
      `${formatNumber(Math.min(...values))} – ${formatNumber(Math.max(...values))}`,
      measure === undefined ? "" : formatNumber(medians.value / measure),
      formatOptional(medians.p50Ms),
      formatOptional(medians.p99Ms),
      formatOptional(medians.serverCores),
      formatOptional(medians.generatorCores),
    ];
  });
  return [
    `${name}: ${question}`,
    ...alignColumns([head, ...rows]).map((line) => `  ${line}`),
    ...verdicts.map((verdict) => `  ${formatVerdict(verdict)}`),
    ...notes.map((note) => `  (${note})`),
    "",
  ].join("\n");
}

export function formatVerdict({ budget, found, verdict }: BudgetVerdict): string {
  const { of, text, against, atLeast, atMost } = budget;
  if (found === undefined) return `${verdict.padEnd(10)}  ${of}: ${text}; ${against ?? of} was left out`;
  const wanted = atLeast === undefined ? `≤ ${formatNumber(atMost!)}` : `≥ ${formatNumber(atLeast)}`;
  return `${verdict.padEnd(10)}  ${of}: ${text}; found ${formatNumber(found)}, wanted ${wanted}`;
}

function formatOptional(value: number | undefined): string {
  return value === undefined ? "" : formatNumber(value);
}

/** What `bench/results/YYYY-MM-DD.jsonl` keeps of a scenario: every turn, not only the medians. */
export function outcomeLine(
  outcome: ScenarioOutcome,
  run: { readonly size: Sizes; readonly rounds: number; readonly loadAverage: number },
) {
  const { scenario, participants, verdicts } = outcome;
  const { cpu, cores, node } = thisMachine();
  return {
    date: new Date().toISOString(),
    commit: thisCommit(),
    node,
    cpu,
    cores,
    bench: `compare/${scenario.name}`,
    ...run,
    unit: scenario.unit,
    figures: Object.fromEntries(participants.map((one) => [one.name, figuresLine(one)])),
    budgets: verdicts.map(({ budget, found, verdict }) => ({
      of: budget.of,
      text: budget.text,
      found: found === undefined ? null : rounded(found),
      verdict,
    })),
  };
}

function figuresLine({ role, version, medians, turns }: ParticipantOutcome) {
  return {
    role,
    ...(version === undefined ? {} : { version }),
    ...Object.fromEntries(
      Object.entries(medians).map(([figure, value]) => [figure, rounded(value as number)]),
    ),
    values: turns.map(({ value }) => rounded(value)),
  };
}

/** Four digits are more than any of this is exact to. */
function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
