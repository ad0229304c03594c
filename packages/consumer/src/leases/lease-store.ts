import type { Lease } from "./lease.ts";
import type { LeaseWrite } from "./lease-write.ts";
import type { WorkerReports } from "./worker-report.ts";

/** Whether a write took place, and what the lease is now. */
export type LeaseWriteOutcome =
  | { readonly done: true; readonly lease: Lease }
  | { readonly done: false; readonly found: Lease | undefined };

/**
 * Where the workers of an application keep their leases. Each call is atomic, and reads see every write that
 * was answered before. A rejected promise means that it is unknown whether a write took place.
 */
export interface LeaseStore {
  /** Stores a lease unless there is one with its key; false when there is. */
  create(lease: Lease): Promise<boolean>;

  /** Every lease of the application. */
  list(): Promise<readonly Lease[]>;

  /** One lease; undefined when there is none with this key. */
  get(leaseKey: string): Promise<Lease | undefined>;

  /** Carries a write out when all of its conditions hold. */
  write(write: LeaseWrite): Promise<LeaseWriteOutcome>;

  /** Removes a lease if its counter is still that of `lease`; false when it is not, or the lease is gone. */
  delete(lease: Lease): Promise<boolean>;

  /** Where workers report to a leader of the KCL; absent where none can share the leases. */
  readonly reports?: WorkerReports;
}
