/** What processes use, as Linux tells it. */
import { readFileSync } from "node:fs";

/** `getconf CLK_TCK`: 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** Processor time in user and kernel mode of all threads so far, in milliseconds, to 10 ms. */
export function cpuMsOf(pids: readonly number[]): number {
  let ticks = 0;
  for (const pid of pids) {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The second field is a name in brackets that may hold spaces.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return (ticks * 1_000) / TICKS_PER_SECOND;
}

/** Resident memory of all of them, in bytes; pages that they share count for each. */
export function rssBytesOf(pids: readonly number[]): number {
  let bytes = 0;
  for (const pid of pids) {
    const status = readFileSync(`/proc/${pid}/status`, "latin1");
    bytes += Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1_024;
  }
  return bytes;
}
