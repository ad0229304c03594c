import type { LogEngine } from "@millrace/log";
import type { Logger, MemoryBudget, Random, Secrets, ServiceClock } from "@millrace/runtime";
import type { Authorizer } from "./authorizer.ts";
import type { Background } from "./background.ts";
import type { Catalog } from "./catalog/catalog.ts";
import type { Subscriptions } from "./fan-out/subscriptions.ts";
import type { Limits } from "./limits.ts";
import type { Meter } from "./meter.ts";
import type { Traffic } from "./on-demand/traffic.ts";
import type { EncodedEntries } from "./shards/encoded-entries.ts";
import type { Rates } from "./throttle/rates.ts";

/** What every handler and every background pass works with. Made once, by `createStreams`. */
export interface StreamsContext {
  readonly clock: ServiceClock;
  readonly random: Random;
  readonly secrets: Secrets;
  readonly log: Logger;
  readonly engine: LogEngine;
  readonly memory: MemoryBudget;
  readonly meter: Meter;
  readonly authorizer: Authorizer | undefined;
  readonly catalog: Catalog;
  readonly limits: Limits;
  readonly rates: Rates;
  readonly background: Background;
  readonly subscriptions: Subscriptions;
  readonly traffic: Traffic;
  /** Entries encoded for one reader, kept for the next. */
  readonly encoded: EncodedEntries;
  /** Keys the MACs of iterators and pagination tokens; kept with the data. */
  readonly secret: Uint8Array;
  /** How long CREATING, UPDATING and DELETING last, in service milliseconds. */
  readonly transitionDelayMs: number;
}
