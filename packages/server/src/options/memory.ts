/** What the machine has, read at the edge of the process. */
export interface MachineMemory {
  readonly totalBytes: number;
  /** The limit of the container or control group that the process runs in. */
  readonly cgroupLimitBytes?: number;
}

const FALLBACK_BYTES = 256 * 1024 * 1024;

/** The bound when none is given: a quarter of what there is. */
export function defaultMemoryBytes(machine: MachineMemory | undefined): number {
  if (machine === undefined) return FALLBACK_BYTES;
  return Math.floor(Math.min(machine.totalBytes, machine.cgroupLimitBytes ?? Infinity) / 4);
}
