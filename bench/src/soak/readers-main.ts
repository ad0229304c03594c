#!/usr/bin/env node
/**
 * The readers of a soak, as a process of their own:
 *
 *   node bench/dist/soak/readers-main.js '<ReadersPlan as JSON>'
 *
 * Reads from the start on; answers each line `window` with a line of `ReadersFigures`. Ends with 1 when a reader was
 * answered an error.
 */
import { answerLines } from "../load/line-child.ts";
import type { ReadersPlan } from "./readers-plan.ts";
import { Readers } from "./readers.ts";

const readers = new Readers(JSON.parse(process.argv[2] ?? "{}") as ReadersPlan);
await readers.start();
await answerLines((line) => {
  if (line === "window") return readers.window();
  throw new Error(`there is no command ${line}`);
});
process.exit(0);
