/**
 * The services beside Kinesis on the same port, one row each. A service that comes later is a row here, and handlers
 * from a package of its own.
 */
import { cloudwatch, dynamodb, sts } from "@millrace/api";
import type { Operation, Service } from "@millrace/api";
import type { Tables } from "@millrace/tables";
import { createProtocolService, serviceNamedIn } from "@millrace/wire";
import type { Handlers, ProtocolName, ServiceOptions, WireRequest, WireService } from "@millrace/wire";
import type { Faults } from "./faults/faults.ts";
import { loseIfDropped } from "./watched.ts";
import type { WatchOptions } from "./watched.ts";

interface SideService {
  readonly contract: Service;
  readonly handlers: (tables: Tables) => unknown;
  readonly protocols: readonly [ProtocolName, ...ProtocolName[]];
  readonly failureCode: string;
  readonly unknownOperation: (name: string) => string;
}

const ROWS: readonly SideService[] = [
  {
    contract: dynamodb,
    handlers: (tables) => tables.dynamodb,
    protocols: ["json"],
    failureCode: "InternalServerError",
    unknownOperation: (name) =>
      `${name} is not served: this server has the part of DynamoDB that the Kinesis Client Library needs, and is no DynamoDB`,
  },
  {
    contract: sts,
    handlers: (tables) => tables.sts,
    protocols: ["query"],
    failureCode: "InternalFailureException",
    unknownOperation: (name) =>
      `${name} is not served: of STS this server has AssumeRole and GetCallerIdentity`,
  },
  {
    contract: cloudwatch,
    handlers: (tables) => tables.cloudwatch,
    protocols: ["json", "rpc-v2-cbor", "query"],
    failureCode: "InternalServiceFault",
    unknownOperation: (name) => `${name} is not served: of CloudWatch this server has PutMetricData`,
  },
];

type SharedOptions = Omit<ServiceOptions<Service>, "contract" | "handlers" | "intercept">;

export interface SideServiceOptions extends SharedOptions, WatchOptions {
  readonly tables: Tables;
  /** Whether faults can be asked for. */
  readonly dev: boolean;
}

/** The service beside Kinesis that a request is for; undefined when it is for Kinesis. */
export function sideServices(options: SideServiceOptions): (request: WireRequest) => WireService | undefined {
  const named = serviceNamedIn(ROWS.map(({ contract }) => contract));
  const services = new Map(ROWS.map((row) => [row.contract, serviceOf(row, options)]));
  return (request) => {
    const contract = named(request);
    return contract === undefined ? undefined : services.get(contract);
  };
}

function serviceOf(row: SideService, options: SideServiceOptions): WireService {
  const { contract } = row;
  const { clock, callers, dev, faults, log, metrics, random, tables } = options;
  const service = createProtocolService({
    ...row,
    clock,
    callers,
    log,
    random,
    handlers: row.handlers(tables) as Handlers<Service>,
    onAnswered: (operation, errorCode, latencyMs) => {
      const isKnown = Object.hasOwn(contract.operations, operation);
      metrics.answered(isKnown ? `${contract.name}:${operation}` : "unknown", errorCode ?? "OK", latencyMs);
    },
    ...(dev ? { intercept: qualified(contract.name, faults) } : {}),
  });
  return async (request) => {
    const response = await service(request);
    await loseIfDropped(response, faults);
    return response;
  };
}

/** Faults name operations of these services with the service's name before, as some names are those of Kinesis too. */
function qualified(service: string, faults: Faults): Faults["intercept"] {
  const renamed = new Map<Operation, Operation>();
  return (caller, operation, input, next) => {
    let named = renamed.get(operation);
    if (named === undefined) {
      named = { ...operation, name: `${service}:${operation.name}` };
      renamed.set(operation, named);
    }
    return faults.intercept(caller, named, input, next);
  };
}
