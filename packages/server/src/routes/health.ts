import type { LogEngine } from "@millrace/log";
import type { WireResponse } from "@millrace/wire";
import { SIDE_SERVICES } from "../side-operations.ts";
import { jsonAnswer } from "./json-answer.ts";

export interface HealthSources {
  readonly engine: LogEngine;
  readonly durability: string;
  readonly version: string;
  /** False while the server starts or drains. */
  readonly ready: () => boolean;
}

/** 200 while requests are taken, 503 while not: what a load balancer looks at. Read-only servers still answer reads. */
export function health({ engine, durability, version, ready }: HealthSources): WireResponse {
  const reason = engine.readOnlyReason();
  const isReady = ready();
  return jsonAnswer(isReady ? 200 : 503, {
    live: true,
    ready: isReady,
    readOnly: reason !== undefined,
    ...(reason === undefined ? {} : { reason }),
    engine: engine.statistics().engine,
    durability,
    version,
  });
}

/** The same for tools that wait for LocalStack: they look for the state of a service by its name. */
export function localstackHealth({ engine, version, ready }: HealthSources): WireResponse {
  const state = !ready() ? "starting" : engine.readOnlyReason() === undefined ? "running" : "error";
  const services = Object.fromEntries(["kinesis", ...SIDE_SERVICES].map((name) => [name, state]));
  return jsonAnswer(200, { services, edition: "millrace", version });
}
