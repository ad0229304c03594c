import { dynamodb } from "@millrace/api";
import { memoryEngine } from "@millrace/log";
import { type Clock, memoryLogger, seededRandom, serviceClock } from "@millrace/runtime";
import { callersFromHeaders, createProtocolService, type WireService } from "@millrace/wire";
import { createTables } from "../tables.ts";

/**
 * The tables, from request bytes to answer bytes, on an engine in memory: for tests of what is built on them.
 *
 * @param before is told of each operation before it is carried out; a `ServiceError` that it throws is the answer.
 */
export function tablesInMemory(clock: Clock, before: (operation: string) => void = () => {}): WireService {
  const random = seededRandom(1);
  const served = serviceClock(clock);
  const engine = memoryEngine({ clock: served });
  const log = memoryLogger();
  const tables = createTables({ clock: served, engine, random, secrets: random, log });
  return createProtocolService({
    contract: dynamodb,
    handlers: tables.dynamodb,
    protocols: ["json"],
    failureCode: "InternalServerError",
    unknownOperation: (name) => `${name} is not served`,
    callers: callersFromHeaders({}),
    clock,
    random,
    log,
    intercept: (_caller, operation, _input, next) => {
      before(operation.name);
      return next();
    },
  });
}
