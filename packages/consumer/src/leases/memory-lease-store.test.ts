import { leaseStoreContract } from "./lease-store.contract.ts";
import type { LeaseStore } from "./lease-store.ts";
import { memoryLeaseStore } from "./memory-lease-store.ts";

leaseStoreContract("memory", () => {
  const store = memoryLeaseStore();
  let lostCount = 0;
  const far = async <T>(call: Promise<T>): Promise<T> => {
    const value = await call;
    if (lostCount === 0) return value;
    lostCount -= 1;
    throw new Error("the answer was lost");
  };
  const distant: LeaseStore = {
    create: (lease) => far(store.create(lease)),
    list: () => far(store.list()),
    get: (leaseKey) => far(store.get(leaseKey)),
    write: (write) => far(store.write(write)),
    delete: (lease) => far(store.delete(lease)),
  };
  return Promise.resolve({
    store: distant,
    finish: (promise) => promise,
    loseAnswers: (count) => {
      lostCount = count;
    },
  });
});
