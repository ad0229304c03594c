/** Results for people. */
import { type Bench, type Budget, type Row, type Sizes, verdictOf } from "./bench.ts";

/** Three significant digits, thousands apart. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const digits = value === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toLocaleString("en-US", { maximumFractionDigits: Math.min(digits, 4) });
}

/** The rows of one bench under its question. */
export function formatRun({ name, question }: Bench, size: Sizes, rows: readonly Row[]): string {
  const cells = rows.map((row) => [row.what, formatNumber(row.value), row.unit, formatVerdict(row)] as const);
  const width = (column: 0 | 1 | 2) => Math.max(...cells.map((cell) => cell[column].length));
  const lines = cells.map(([what, value, unit, verdict]) =>
    `  ${what.padEnd(width(0))}  ${value.padStart(width(1))} ${unit.padEnd(width(2))}  ${verdict}`.trimEnd(),
  );
  return [`${name}: ${question}`, `  (${formatSize(size)})`, ...lines, ""].join("\n");
}

export function formatSize(size: Sizes): string {
  return Object.entries(size)
    .map(([name, value]) => `${name}=${value}`)
    .join(" ");
}

function formatVerdict(row: Row): string {
  const verdict = verdictOf(row);
  return verdict === undefined ? "" : `${verdict} (wanted ${formatBudget(row.budget!)})`;
}

function formatBudget({ atLeast, atMost }: Budget): string {
  if (atLeast !== undefined && atMost !== undefined)
    return `${formatNumber(atLeast)} to ${formatNumber(atMost)}`;
  return atLeast === undefined ? `≤ ${formatNumber(atMost!)}` : `≥ ${formatNumber(atLeast)}`;
}

/** Lines of a table: the first column to the left, the others to the right. */
export function alignColumns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)))
      .join("  ")
      .trimEnd(),
  );
}
