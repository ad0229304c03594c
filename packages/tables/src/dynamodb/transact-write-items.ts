import { createHash } from "node:crypto";
import { dynamodb, ServiceError } from "@millrace/api";
import type { InputOf } from "@millrace/api";
import { capacityOf, writeUnits } from "../capacity.ts";
import { Placeholders } from "../expressions/placeholders.ts";
import { readUpdate } from "../expressions/read-update.ts";
import { handle } from "../handler.ts";
import { invalid } from "../refusals.ts";
import { tableInUse } from "../tables/find-table.ts";
import { givenKey, keyOf } from "../tables/item-key.ts";
import { TRANSACTION_PREFIX } from "../tables/table-row.ts";
import type { TransactionRow } from "../tables/table-row.ts";
import type { Table } from "../tables/table-store.ts";
import { storedItem } from "../values/attribute-value.ts";
import { conditionOf } from "../writing/conditions.ts";
import { changeOf, decideWrite, itemToPut, refuseKeyChanges } from "../writing/write-plan.ts";
import type { DecidedWrite, WritePlan } from "../writing/write-plan.ts";

type Input = InputOf<(typeof dynamodb)["operations"]["TransactWriteItems"]>;
type Action = Input["TransactItems"][number];

/** How long a token keeps its transaction from being carried out again. */
const TOKEN_AGE_MAX_MS = 10 * 60_000;
const TRANSACTION_BYTES_MAX = 4 << 20;

/** Carries out several writes as one commit. What one of them refuses, none of them does. */
export const transactWriteItems = handle(
  dynamodb.operations.TransactWriteItems,
  async (context, input, call) => {
    const { store } = context;
    const { accountId, region } = call.caller;
    const planned = input.TransactItems.map(plannedAction);
    const token = input.ClientRequestToken;
    const tokenKey = token === undefined ? undefined : `${TRANSACTION_PREFIX}${accountId}/${region}/${token}`;
    const row: TransactionRow = { digest: digestOf(input), goneMs: call.nowMs + TOKEN_AGE_MAX_MS };
    const writes = await store.commit<readonly DecidedWrite[]>(() => {
      const known = tokenKey === undefined ? undefined : store.transaction(tokenKey);
      if (known !== undefined && known.row.goneMs > call.nowMs) {
        if (known.row.digest === row.digest) return { change: {}, result: [] };
        throw new ServiceError(
          "IdempotentParameterMismatchException",
          "The request uses the same client token as a previous, but non-identical request. Do not reuse a client token with different requests, unless the requests are identical",
        );
      }
      const places = planned.map(({ tableName, plan }) => {
        const table = tableInUse(context, tableName, call);
        return { table, plan: plan(table, call.nowMs) };
      });
      const decided = decideAll(
        places.map(
          ({ table, plan }) =>
            () =>
              decideWrite(store, table, plan, call.nowMs),
        ),
      );
      refuseUnfitSet(decided);
      const change = changeOf(decided);
      return {
        change:
          tokenKey === undefined
            ? change
            : {
                ...change,
                expect: [...change.expect, [tokenKey, known?.revision ?? 0] as const],
                puts: [...change.puts, [tokenKey, JSON.stringify(row)] as const],
              },
        result: decided,
      };
    });
    return capacityPerTable(input, writes);
  },
);

interface PlannedAction {
  readonly tableName: string;
  plan(table: Table, nowMs: number): WritePlan;
}

/** @throws {ServiceError} `ValidationException`. */
function plannedAction({ ConditionCheck, Delete, Put, Update }: Action): PlannedAction {
  const actions = [ConditionCheck, Delete, Put, Update].filter((action) => action !== undefined);
  const [action] = actions;
  if (action === undefined || actions.length > 1) {
    throw invalid("TransactItems can only contain one of Check, Put, Update or Delete");
  }
  const placeholders = new Placeholders(
    action,
    action.ConditionExpression !== undefined || Update !== undefined,
  );
  const updates = Update === undefined ? [] : readUpdate(Update.UpdateExpression, placeholders);
  const condition = conditionOf(action, placeholders);
  placeholders.refuseUnused();
  const common = { condition, returnOldOnFailure: action.ReturnValuesOnConditionCheckFailure === "ALL_OLD" };
  return {
    tableName: action.TableName,
    plan(table, nowMs) {
      if (Put !== undefined) {
        const item = itemToPut(table, Put.Item, nowMs);
        return { ...common, key: keyOf(table.row.key, item), deed: { kind: "put", item } };
      }
      refuseKeyChanges(table.row, updates);
      const key = givenKey(table.row, (ConditionCheck ?? Delete ?? Update)!.Key);
      if (Update !== undefined) return { ...common, key, deed: { kind: "update", actions: updates } };
      return { ...common, key, deed: { kind: Delete === undefined ? "check" : "delete" } };
    },
  };
}

/** Decides all writes, and if any is refused tells of each why. @throws {ServiceError} `TransactionCanceledException`. */
function decideAll(decisions: readonly (() => DecidedWrite)[]): DecidedWrite[] {
  const outcomes = decisions.map((decide) => {
    try {
      return decide();
    } catch (error) {
      if (error instanceof ServiceError) return error;
      throw error;
    }
  });
  const failed = outcomes.some((outcome) => outcome instanceof ServiceError);
  if (!failed) return outcomes as DecidedWrite[];
  const reasons = outcomes.map((outcome) =>
    outcome instanceof ServiceError
      ? { Code: reasonOf(outcome), Message: outcome.message, ...outcome.details }
      : { Code: "None" },
  );
  throw new ServiceError(
    "TransactionCanceledException",
    "Transaction cancelled, please refer cancellation reasons for specific reasons " +
      `[${reasons.map(({ Code }) => Code).join(", ")}]`,
    { details: { CancellationReasons: reasons } },
  );
}

function reasonOf({ code }: ServiceError): string {
  switch (code) {
    case "ConditionalCheckFailedException":
      return "ConditionalCheckFailed";
    case "ValidationException":
      return "ValidationError";
    default:
      return code.replace(/Exception$/, "");
  }
}

function refuseUnfitSet(writes: readonly DecidedWrite[]): void {
  const keys = new Set(writes.map(({ expect: [key] }) => key));
  if (keys.size < writes.length) {
    throw invalid("Transaction request cannot include multiple operations on one item");
  }
  const sizeBytes = writes.reduce((sum, write) => sum + write.sizeBytes, 0);
  if (sizeBytes > TRANSACTION_BYTES_MAX) {
    throw invalid("Transaction request cannot exceed the maximum size of 4 MB");
  }
}

/** Of what was asked, without the token: the same request has the same one. */
function digestOf(input: Input): string {
  const text = JSON.stringify(input.TransactItems, (_key, value: unknown) =>
    value instanceof Uint8Array ? storedItem({ bytes: { B: value } }) : value,
  );
  return createHash("sha256").update(text).digest("base64");
}

/** A transactional write costs twice what a plain one does. */
function capacityPerTable({ ReturnConsumedCapacity }: Input, writes: readonly DecidedWrite[]) {
  const units = new Map<string, number>();
  for (const { table, sizeBytes } of writes) {
    const { name } = table.name;
    units.set(name, (units.get(name) ?? 0) + 2 * writeUnits(sizeBytes));
  }
  const told = [...units].flatMap(([name, amount]) => capacityOf(ReturnConsumedCapacity, name, amount) ?? []);
  return told.length === 0 ? {} : { ConsumedCapacity: told };
}
