import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { BareJournalPlan, BareJournalResult } from "./bare-journal.ts";

const program = fileURLToPath(new URL("../../dist/ceilings/bare-journal-main.js", import.meta.url));

/** Feeds a bare journal in a process of its own. Rejects with what that printed when it ends badly. */
export async function runBareJournal(plan: BareJournalPlan): Promise<BareJournalResult> {
  const { stdout } = await promisify(execFile)(process.execPath, [program, JSON.stringify(plan)]);
  return JSON.parse(stdout) as BareJournalResult;
}
