/** What processes use, as Linux tells it. */
import { readdirSync, readFileSync } from "node:fs";

/** `getconf CLK_TCK`: 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** Processor time in user and kernel mode of all threads so far, in milliseconds, to 10 ms. */
export function cpuMsOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + cpuMsIn(`/proc/${pid}/stat`), 0);
}

/** The same of each thread of a process, by its id; that of the first one is the process's. */
export function cpuMsOfThreads(pid: number): Map<number, number> {
  const used = new Map<number, number>();
  for (const id of readdirSync(`/proc/${pid}/task`)) {
    try {
      used.set(Number(id), cpuMsIn(`/proc/${pid}/task/${id}/stat`));
    } catch {
      // It ended meanwhile.
    }
  }
  return used;
}

function cpuMsIn(path: string): number {
  const stat = readFileSync(path, "latin1");
  // The second field is a name in brackets that may hold spaces.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return ((Number(fields[11]) + Number(fields[12])) * 1_000) / TICKS_PER_SECOND;
}

/** Resident memory of all of them, in bytes; pages that they share count for each. */
export function rssBytesOf(pids: readonly number[]): number {
  return statusBytesOf(pids, /^VmRSS:\s+(\d+) kB/m);
}

/** The most resident memory that each of them has ever had, in bytes, together: the kernel's own mark misses nothing. */
export function rssPeakBytesOf(pids: readonly number[]): number {
  return statusBytesOf(pids, /^VmHWM:\s+(\d+) kB/m);
}

function statusBytesOf(pids: readonly number[], line: RegExp): number {
  let bytes = 0;
  for (const pid of pids) {
    const status = readFileSync(`/proc/${pid}/status`, "latin1");
    bytes += Number(line.exec(status)?.[1] ?? 0) * 1_024;
  }
  return bytes;
}

/** Bytes that the processes had the disk write so far, as the kernel counts them when a page becomes dirty. */
export function writtenBytesOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const io = readFileSync(`/proc/${pid}/io`, "latin1");
    return sum + Number(/^write_bytes: (\d+)$/m.exec(io)?.[1] ?? 0);
  }, 0);
}

/** Bytes that went over this machine's loopback so far, whoever sent them, each counted once. */
export function loopbackBytes(): number {
  const devices = readFileSync("/proc/net/dev", "latin1");
  return Number(/^\s*lo:\s*(\d+)/m.exec(devices)?.[1] ?? 0);
}
