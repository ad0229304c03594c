/** The services for tests: on simulated time and the memory engine, called through their handlers. */
import { ServiceError } from "@millrace/api";
import type { dynamodb, InputOf, OutputOf } from "@millrace/api";
import { memoryEngine } from "@millrace/log";
import type { LogEngine } from "@millrace/log";
import { memoryLogger, seededRandom, serviceClock, simulatedClock } from "@millrace/runtime";
import type { MovableServiceClock } from "@millrace/runtime";
import type { Caller } from "@millrace/wire";
import { createTables } from "./tables.ts";
import type { Tables } from "./tables.ts";

type Operations = (typeof dynamodb)["operations"];

export const CALLER: Caller = Object.freeze({
  accountId: "123456789012",
  region: "us-east-1",
  principal: "test",
  sourceIp: "127.0.0.1",
  viaTls: false,
  requestId: "00000000-0000-0000-0000-000000000000",
});

export interface TablesUnderTest {
  readonly clock: MovableServiceClock;
  readonly engine: LogEngine;
  readonly tables: Tables;
  call<N extends keyof Operations>(name: N, input: InputOf<Operations[N]>): Promise<OutputOf<Operations[N]>>;
  /** What an operation refuses. Fails when it succeeds. */
  refusalOf<N extends keyof Operations>(
    name: N,
    input: InputOf<Operations[N]>,
  ): Promise<{ code: string; message: string; details: unknown }>;
  /** Creates the table `leases`, by the string `leaseKey`, and lets it become ACTIVE. */
  createLeases(): Promise<void>;
  /** Starts the services again on what the engine holds. */
  restart(): Promise<TablesUnderTest>;
}

export function tablesUnderTest(
  clock: MovableServiceClock = serviceClock(simulatedClock()),
  engine: LogEngine = memoryEngine({ clock }),
): TablesUnderTest {
  const random = seededRandom(1);
  const tables = createTables({ clock, engine, random, secrets: random, log: memoryLogger() });
  const call: TablesUnderTest["call"] = (name, input) =>
    tables.dynamodb[name](CALLER, input as never) as Promise<never>;
  return {
    clock,
    engine,
    tables,
    call,
    async refusalOf(name, input) {
      const outcome: unknown = await call(name, input).catch((error: unknown) => error);
      if (!(outcome instanceof ServiceError))
        throw new Error(`${name} was expected to fail`, { cause: outcome });
      return { code: outcome.code, message: outcome.message, details: outcome.details };
    },
    async createLeases() {
      await call("CreateTable", {
        TableName: "leases",
        KeySchema: [{ AttributeName: "leaseKey", KeyType: "HASH" }],
        AttributeDefinitions: [{ AttributeName: "leaseKey", AttributeType: "S" }],
        BillingMode: "PAY_PER_REQUEST",
      });
      await clock.advance(60);
    },
    async restart() {
      await tables.close();
      return tablesUnderTest(clock, engine);
    },
  };
}
