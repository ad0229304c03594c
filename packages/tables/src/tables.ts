import type { cloudwatch, dynamodb, sts } from "@millrace/api";
import type { LogEngine } from "@millrace/log";
import type { Logger, Random, Secrets, ServiceClock } from "@millrace/runtime";
import type { Handlers } from "@millrace/wire";
import { putMetricData } from "./cloudwatch/put-metric-data.ts";
import { tableOperations } from "./dynamodb/index.ts";
import { MetricPoints } from "./metric-points.ts";
import { assumeRole } from "./sts/assume-role.ts";
import { getCallerIdentity } from "./sts/get-caller-identity.ts";
import { Upkeep } from "./tables/upkeep.ts";

export interface TablesDependencies {
  /** Service time. */
  readonly clock: ServiceClock;
  readonly random: Random;
  readonly secrets: Secrets;
  readonly log: Logger;
  /** Holds the tables. The caller keeps it: `close` of the tables does not close it. */
  readonly engine: LogEngine;
}

export interface TablesOptions {
  /** How long CREATING, UPDATING and DELETING last, in milliseconds of service time. Default 50. */
  readonly transitionDelayMs?: number;
}

/** What the Kinesis Client Library and its kind need beside Kinesis: a handler for each operation. */
export interface Tables {
  readonly dynamodb: Handlers<typeof dynamodb>;
  readonly sts: Handlers<typeof sts>;
  readonly cloudwatch: Handlers<typeof cloudwatch>;
  readonly points: MetricPoints;
  /** Stops working behind the requests. Requests must have ended before. */
  close(): Promise<void>;
}

/** Starts the services on what the engine holds, and resumes what was pending in it. */
export function createTables(
  { clock, engine, log, random, secrets }: TablesDependencies,
  { transitionDelayMs = 50 }: TablesOptions = {},
): Tables {
  const upkeep = new Upkeep(clock, log, engine);
  const points = new MetricPoints(clock);
  return {
    dynamodb: tableOperations({ clock, random, store: upkeep.store, upkeep, transitionDelayMs }),
    sts: { AssumeRole: assumeRole(clock, secrets), GetCallerIdentity: getCallerIdentity },
    cloudwatch: { PutMetricData: putMetricData(clock, points) },
    points,
    close: () => upkeep.close(),
  };
}
