import type { LogEngine } from "@millrace/log";
import { memoryLogger } from "@millrace/runtime";
import { joinCluster } from "./jetstream-engine.ts";
import type { JetStreamEngineOptions } from "./jetstream-engine-options.ts";

type UnderTestOptions = Pick<JetStreamEngineOptions, "broker" | "clock" | "random"> &
  Partial<JetStreamEngineOptions>;

/** A gateway for tests: service time is its clock's, nobody reads its log, and what would end its process is thrown. */
export function joinUnderTest(options: UnderTestOptions): Promise<LogEngine> {
  return joinCluster({
    serviceClock: options.clock,
    log: memoryLogger(),
    crash: (reason, cause) => {
      throw new Error(reason, { cause });
    },
    ...options,
  });
}
