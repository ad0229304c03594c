/** The services beside Kinesis on the same port, by name. */
import { cloudwatch, dynamodb, sts } from "@millrace/api";

const CONTRACTS = [cloudwatch, dynamodb, sts];

/** The names in credential scopes and in health. */
export const SIDE_SERVICES: readonly string[] = ["cloudwatch", "dynamodb", "sts"];

/** Operations as faults and metrics name them, e.g. `dynamodb:PutItem`. */
export const SIDE_OPERATIONS: readonly string[] = CONTRACTS.flatMap(({ name, operations }) =>
  Object.keys(operations).map((operation) => `${name}:${operation}`),
);
