/**
 * What every broker must do, as tests: the simulated one in each run of the tests, and the real one on three servers. Tests
 * wait for followers by asking again, never by the clock, because a replica may be behind for as long as it likes.
 */
import { describe } from "vitest";
import { batches } from "./contract/batches.contract.ts";
import { closing, messaging } from "./contract/messaging.contract.ts";
import { expectations, publishing } from "./contract/publishing.contract.ts";
import { reading } from "./contract/reading.contract.ts";
import { purging, streams } from "./contract/streams.contract.ts";
import type { Open } from "./contract/stream-under-test.contract.ts";

export type { BrokerUnderTest } from "./contract/stream-under-test.contract.ts";

export function brokerContract(name: string, open: Open): void {
  describe(`broker: ${name}`, () => {
    publishing(open);
    expectations(open);
    batches(open);
    reading(open);
    streams(open);
    purging(open);
    messaging(open);
    closing(open);
  });
}
