import { totalmem } from "node:os";

/** What this machine has, and what its container lets the process have. */
export function machineMemory(): { readonly totalBytes: number; readonly cgroupLimitBytes?: number } {
  const totalBytes = totalmem();
  // Reads memory.max of control groups v2 and memory.limit_in_bytes of v1; 0, or a number beyond any
  // machine, when there is no limit.
  const limitBytes = process.constrainedMemory();
  return limitBytes > 0 && limitBytes < totalBytes
    ? { totalBytes, cgroupLimitBytes: limitBytes }
    : { totalBytes };
}
