import type { Lease } from "./lease.ts";
import type { LeaseStore } from "./lease-store.ts";
import { applyWrite } from "./lease-write.ts";

/**
 * Leases in memory, for tests and for workers of one process. They are gone with the process: what starts next
 * begins at the initial position.
 */
export function memoryLeaseStore(): LeaseStore {
  const leases = new Map<string, Lease>();
  return {
    create(lease) {
      if (leases.has(lease.leaseKey)) return Promise.resolve(false);
      leases.set(lease.leaseKey, lease);
      return Promise.resolve(true);
    },
    list: () => Promise.resolve([...leases.values()]),
    get: (leaseKey) => Promise.resolve(leases.get(leaseKey)),
    write(write) {
      const found = leases.get(write.leaseKey);
      const lease = applyWrite(found, write);
      if (lease === undefined) return Promise.resolve({ done: false, found });
      leases.set(write.leaseKey, lease);
      return Promise.resolve({ done: true, lease });
    },
    delete({ leaseKey, leaseCounter }) {
      if (leases.get(leaseKey)?.leaseCounter !== leaseCounter) return Promise.resolve(false);
      return Promise.resolve(leases.delete(leaseKey));
    },
  };
}
