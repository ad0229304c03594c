/** Clients of the services beside Kinesis, and what cases of tables have in common. */
import { CloudWatchClient } from "@aws-sdk/client-cloudwatch";
import * as dynamodb from "@aws-sdk/client-dynamodb";
import type { AttributeValue, CreateTableCommandInput } from "@aws-sdk/client-dynamodb";
import { STSClient } from "@aws-sdk/client-sts";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect } from "vitest";
import { uniqueName } from "./account.ts";
import { target } from "./target.ts";

const settings = (accessKeyId: string) => ({
  endpoint: target.endpoint,
  region: target.region,
  maxAttempts: 1,
  ...(target.hasFreshAccounts ? { credentials: { accessKeyId, secretAccessKey: "secret" } } : {}),
});

/** The account that cases of these services share; AWS has its own. */
export const ACCOUNT_ID = "210987654321";

const opened: { destroy(): void }[] = [];
function open<T extends { destroy(): void }>(client: T): T {
  opened.push(client);
  return client;
}

export const tables = open(new dynamodb.DynamoDBClient(settings(ACCOUNT_ID)));
export const tokens = (accessKeyId = ACCOUNT_ID) => open(new STSClient(settings(accessKeyId)));
export const metrics = () => open(new CloudWatchClient(settings(ACCOUNT_ID)));

type Names = keyof typeof dynamodb & `${string}Command`;
type NameOf<C extends string> = C extends `${infer N}Command` ? N : never;
type InputOf<N extends string> = `${N}Command` extends keyof typeof dynamodb
  ? (typeof dynamodb)[`${N}Command`] extends new (...given: infer G) => unknown
    ? G extends readonly [infer I]
      ? I
      : never
    : never
  : never;
type Command<N extends string> = `${N}Command` extends keyof typeof dynamodb
  ? (typeof dynamodb)[`${N}Command`] extends new (...input: never[]) => infer C
    ? C
    : never
  : never;
type OutputOf<N extends string> =
  Command<N> extends {
    resolveMiddleware(...given: never[]): (...given: never[]) => Promise<{ output: infer O }>;
  }
    ? O
    : never;

interface AnyCommand {
  new (input: object): Parameters<typeof tables.send>[0];
}

/** Calls an operation on tables through the SDK. */
export async function call<N extends NameOf<Names>>(name: N, input: InputOf<N>): Promise<OutputOf<N>> {
  const Made = (dynamodb as unknown as Record<string, AnyCommand>)[`${name}Command`];
  if (Made === undefined) throw new Error(`the SDK knows no operation ${name}`);
  return (await tables.send(new Made(input as object))) as never;
}

/** Expects that a call is refused with this code, and gives the error with its members. */
export async function refused(outcome: Promise<unknown>, code: string, message?: string | RegExp) {
  const error: unknown = await outcome.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ name: code });
  const refusal = error as Error & Readonly<Record<string, unknown>>;
  if (typeof message === "string") expect(refusal.message).toBe(message);
  else if (message !== undefined) expect(refusal.message).toMatch(message);
  return refusal;
}

const made: string[] = [];

/** Makes a table by the string `leaseKey`, or another, waits until it is ACTIVE, and gives its name. */
export async function newTable(more: Partial<CreateTableCommandInput> = {}): Promise<string> {
  const TableName = uniqueName("table");
  await call("CreateTable", {
    TableName,
    KeySchema: [{ AttributeName: "leaseKey", KeyType: "HASH" }],
    AttributeDefinitions: [{ AttributeName: "leaseKey", AttributeType: "S" }],
    BillingMode: "PAY_PER_REQUEST",
    ...more,
  });
  made.push(TableName);
  await untilActive(TableName);
  return TableName;
}

export async function untilActive(TableName: string): Promise<void> {
  for (;;) {
    const { Table } = await call("DescribeTable", { TableName });
    const states = [
      Table?.TableStatus,
      ...(Table?.GlobalSecondaryIndexes ?? []).map(({ IndexStatus }) => IndexStatus),
    ];
    if (states.every((state) => state === "ACTIVE")) return;
    await sleep(20);
  }
}

export async function untilGone(TableName: string): Promise<void> {
  for (;;) {
    const found = await call("DescribeTable", { TableName }).catch(() => undefined);
    if (found === undefined) return;
    await sleep(20);
  }
}

/** An item of such a table. */
export const lease = (leaseKey: string, more: Record<string, AttributeValue> = {}) => ({
  leaseKey: { S: leaseKey },
  ...more,
});

afterAll(async () => {
  for (const TableName of made.splice(0)) await call("DeleteTable", { TableName }).catch(() => undefined);
});
