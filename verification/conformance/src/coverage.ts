/**
 * What the cases of one run have exercised, as lines in a folder that all workers of the run share:
 * `coverage.test.ts`, which runs after them, compares it with the contracts.
 */
import { appendFileSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export type Fact =
  | { readonly kind: "refused"; readonly operation: string; readonly code: string }
  /** Every case of the operation's file ran: nothing was filtered out. */
  | { readonly kind: "whole"; readonly operation: string };

const folder = process.env["CONFORMANCE_RECORD"];

export function record(fact: Fact): void {
  if (folder === undefined) return;
  mkdirSync(folder, { recursive: true });
  appendFileSync(join(folder, `${process.pid}.jsonl`), `${JSON.stringify(fact)}\n`);
}

export function recorded(): Fact[] {
  if (folder === undefined) return [];
  mkdirSync(folder, { recursive: true });
  return readdirSync(folder).flatMap((file) =>
    readFileSync(join(folder, file), "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Fact),
  );
}
