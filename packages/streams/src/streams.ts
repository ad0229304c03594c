import type { kinesis } from "@millrace/api";
import type { LogEngine } from "@millrace/log";
import type { Logger, MemoryBudget, Random, Secrets, ServiceClock } from "@millrace/runtime";
import type { Handlers } from "@millrace/wire";
import type { Authorizer } from "./authorizer.ts";
import { Background } from "./background.ts";
import { Catalog } from "./catalog/catalog.ts";
import { loadSecret } from "./catalog/secret.ts";
import { startTransitions } from "./catalog/transitions.ts";
import { startConsumerTransitions } from "./consumers/consumer-transitions.ts";
import type { StreamsContext } from "./context.ts";
import { Subscriptions } from "./fan-out/subscriptions.ts";
import type { Imports } from "./import/imports.ts";
import { createImports } from "./import/imports.ts";
import type { LimitOptions } from "./limits.ts";
import { limitsInForce } from "./limits.ts";
import type { Meter } from "./meter.ts";
import { silentMeter } from "./meter.ts";
import { startOnDemandScaling } from "./on-demand/scaling-pass.ts";
import { Traffic } from "./on-demand/traffic.ts";
import { EncodedEntries } from "./shards/encoded-entries.ts";
import { operations } from "./operations/index.ts";
import { startRetention } from "./retention/retention-pass.ts";
import { Rates } from "./throttle/rates.ts";

export interface StreamsDependencies {
  /** Service time. */
  readonly clock: ServiceClock;
  readonly random: Random;
  readonly secrets: Secrets;
  readonly log: Logger;
  /** Holds all state. The caller keeps it: `close` of the streams does not close it. */
  readonly engine: LogEngine;
  readonly memory: MemoryBudget;
  /** Told about every call and record; by default nobody is. */
  readonly meter?: Meter;
  /** Asked before every call; by default everybody may do everything. */
  readonly authorizer?: Authorizer;
}

export interface StreamsOptions {
  /** How long CREATING, UPDATING and DELETING last, in milliseconds of service time. Default 50. */
  readonly transitionDelayMs?: number;
  readonly limits?: LimitOptions;
}

/** A fan-out consumer with its live subscriptions. */
export interface ConsumerServed {
  readonly accountId: string;
  readonly region: string;
  readonly streamName: string;
  readonly consumerName: string;
  readonly subscriptionCount: number;
  /** Those whose client has yet to take the last event. */
  readonly heldBackCount: number;
  /** Of the subscription that is furthest behind, in service milliseconds. */
  readonly millisBehind: number;
}

/** Kinesis Data Streams: a handler for each operation. */
export interface Streams {
  readonly handlers: Handlers<typeof kinesis>;
  /** Takes in copies of streams that lie elsewhere. Nobody is asked for permission: that is for the caller. */
  readonly imports: Imports;
  /** Every fan-out consumer that is subscribed to something, in no particular order. For metrics. */
  consumersServed(): ConsumerServed[];
  /** Resolves when no work is running behind the requests. Work that is scheduled for later does not count. */
  idle(): Promise<void>;
  /** Stops working behind the requests. Requests must have ended before. */
  close(): Promise<void>;
}

/** Starts the service on what the engine holds, and resumes what was pending in it. */
export async function createStreams(
  dependencies: StreamsDependencies,
  options: StreamsOptions = {},
): Promise<Streams> {
  const { clock, log, engine, secrets, meter = silentMeter, authorizer } = dependencies;
  const { limits = {}, transitionDelayMs = 50 } = options;
  const catalog = new Catalog(engine);
  const inForce = limitsInForce(limits);
  const context: StreamsContext = {
    ...dependencies,
    meter,
    authorizer,
    catalog,
    limits: inForce,
    rates: new Rates({ clock, catalog, peers: engine.peers, limits: inForce, options: limits }),
    background: new Background(clock, log),
    subscriptions: new Subscriptions(clock, inForce, catalog, engine.peers),
    encoded: new EncodedEntries(dependencies.memory),
    traffic: new Traffic(clock, dependencies.random, engine, catalog),
    secret: await loadSecret(engine, secrets),
    transitionDelayMs,
  };
  const stops = [startTransitions(context), startConsumerTransitions(context)];
  startRetention(context);
  startOnDemandScaling(context);
  return {
    handlers: operations(context),
    imports: createImports(context),
    consumersServed: () => consumersServed(context.subscriptions, clock.nowMs()),
    idle: () => context.background.idle(),
    async close() {
      for (const stop of stops) stop();
      context.subscriptions.close();
      await context.background.close();
      await context.traffic.store("all");
      context.traffic.close();
      context.encoded.close();
      context.rates.close();
      context.catalog.close();
    },
  };
}

function consumersServed(subscriptions: Subscriptions, nowMs: number): ConsumerServed[] {
  const served = new Map<string, ConsumerServed>();
  for (const live of subscriptions.all()) {
    const { stream, consumerName } = live.subscriber;
    const { accountId, region, name } = stream;
    const key = `${stream.arn}/${consumerName}`;
    const others = served.get(key);
    served.set(key, {
      accountId,
      region,
      streamName: name,
      consumerName,
      subscriptionCount: (others?.subscriptionCount ?? 0) + 1,
      heldBackCount: (others?.heldBackCount ?? 0) + (live.isHeldBack ? 1 : 0),
      millisBehind: Math.max(others?.millisBehind ?? 0, live.millisBehind(nowMs)),
    });
  }
  return [...served.values()];
}
