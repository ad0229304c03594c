/** A cell for people: a table, and how each stands to the publisher beside it; and for later: one line of JSON. */
import { alignColumns, formatNumber } from "../harness/table.ts";
import { thisCommit, thisMachine } from "../harness/machine.ts";
import type { CellOptions, CellOutcome, ContestantOutcome } from "./cell.ts";

/** Of what a publisher without anything around it comes to, from the same processor time. */
const WANTED_SHARE = 0.8;

export interface Standing {
  readonly name: string;
  /** Of the publisher's bytes in a second. */
  readonly share: number;
  /** Of the publisher's bytes for each second of processor time, its own and the servers'. */
  readonly shareOfCpu: number;
  /** By the second: from the same budget. */
  readonly verdict: "pass" | "miss";
}

/** How everybody stands to the publisher of as many processes in the same run. */
export function standingsOf({ contestants }: CellOutcome): Standing[] {
  return contestants.flatMap((one): Standing[] => {
    const other = contestants.find(({ name }) => name === one.against);
    if (other === undefined) return [];
    const share = one.medians.megabytesPerSecond / other.medians.megabytesPerSecond;
    const shareOfCpu = megabytesPerCpuSecond(one) / megabytesPerCpuSecond(other);
    return [{ name: one.name, share, shareOfCpu, verdict: shareOfCpu >= WANTED_SHARE ? "pass" : "miss" }];
  });
}

function megabytesPerCpuSecond({ medians }: ContestantOutcome): number {
  return medians.megabytesPerSecond / (medians.writerCores + medians.natsCores);
}

export function titleOf({
  cell: { entryBytes, shards },
  groups,
}: Pick<CellOutcome, "cell" | "groups">): string {
  return `entries of ${entryBytes / 1_024} KiB, ${shards} ${shards === 1 ? "shard" : "shards"} in ${groups} ${groups === 1 ? "group" : "groups"}`;
}

const HEAD = [
  "",
  "MB/s",
  "lowest – highest",
  "p50 ms",
  "p99 ms",
  "own CPU s/GB",
  "NATS CPU s/GB",
  "MB/CPU s",
  "own cores",
  "NATS cores",
  "load cores",
  "disk B/B",
  "network B/B",
  "MB/s to raw",
  "MB/CPU s to raw",
];

export function formatCell(outcome: CellOutcome): string {
  const standings = new Map(standingsOf(outcome).map((one) => [one.name, one]));
  const rows = outcome.contestants.map((one) => {
    const { name, turns, medians } = one;
    const rates = turns.map(({ megabytesPerSecond }) => megabytesPerSecond);
    const standing = standings.get(name);
    return [
      name,
      formatNumber(medians.megabytesPerSecond),
      `${formatNumber(Math.min(...rates))} – ${formatNumber(Math.max(...rates))}`,
      formatNumber(medians.p50Ms),
      formatNumber(medians.p99Ms),
      formatNumber((medians.writerCores * 1_000) / medians.megabytesPerSecond),
      formatNumber((medians.natsCores * 1_000) / medians.megabytesPerSecond),
      formatNumber(megabytesPerCpuSecond(one)),
      formatNumber(medians.writerCores),
      formatNumber(medians.natsCores),
      medians.loadCores === 0 ? "" : formatNumber(medians.loadCores),
      formatNumber(medians.diskFactor),
      formatNumber(medians.networkFactor),
      standing === undefined ? "" : formatNumber(standing.share),
      standing === undefined ? "" : `${formatNumber(standing.shareOfCpu)} ${standing.verdict}`,
    ];
  });
  const { streams, natsCores, natsBytes } = outcome.idle;
  return [
    titleOf(outcome),
    ...alignColumns([HEAD, ...rows]).map((line) => `  ${line}`),
    `  (${streams} streams on which nothing happens: NATS ${formatNumber(natsCores)} cores, ${formatNumber(natsBytes / 1e6)} MB each)`,
    "",
  ].join("\n");
}

/** What `bench/results/YYYY-MM-DD.jsonl` keeps of a cell: every turn, not only the medians. */
export function cellLine(outcome: CellOutcome, options: CellOptions & { readonly loadAverage: number }) {
  const { cpu, cores, node } = thisMachine();
  const { rounds, warmUpMs, ends, loadAverage } = options;
  const { cell, groups, idle, contestants } = outcome;
  const standings = standingsOf(outcome);
  return {
    date: new Date().toISOString(),
    commit: thisCommit(),
    ...{ node, cpu, cores, loadAverage },
    bench: `cluster/${cell.entryBytes / 1_024}KiB/${cell.shards}`,
    size: { ...cell, groups, warmUpMs, ...ends },
    rounds,
    idle: rounded(idle),
    figures: Object.fromEntries(
      contestants.map(({ name, medians, turns }) => [
        name,
        {
          ...rounded(medians),
          turns: turns.map(rounded),
          standing: standings.find((one) => one.name === name),
        },
      ]),
    ),
  };
}

function rounded<Figures extends object>(figures: Figures): Record<string, number> {
  return Object.fromEntries(
    Object.entries(figures).map(([name, value]) => [name, Number(Number(value).toPrecision(6))]),
  );
}
