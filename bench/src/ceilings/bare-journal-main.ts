/** The bare journal as a process: `work-main.js PLAN`, the plan as JSON. Prints its result as one line of JSON. */
import { feedBareJournal } from "./bare-journal.ts";
import type { BareJournalPlan } from "./bare-journal.ts";

console.log(JSON.stringify(await feedBareJournal(JSON.parse(process.argv[2] ?? "{}") as BareJournalPlan)));
