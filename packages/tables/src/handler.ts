/** How an operation is written: a contract from `@millrace/api`, and a function that behaves as it says. */
import type { InputOf, Operation } from "@millrace/api";
import type { Random, ServiceClock } from "@millrace/runtime";
import type { AnswerOf, Caller, Handler } from "@millrace/wire";
import type { TableStore } from "./tables/table-store.ts";
import type { Upkeep } from "./tables/upkeep.ts";

/** What the operations on tables work with. */
export interface TablesContext {
  /** Service time. */
  readonly clock: ServiceClock;
  readonly random: Random;
  readonly store: TableStore;
  readonly upkeep: Upkeep;
  /** How long CREATING, UPDATING and DELETING last, in milliseconds of service time. */
  readonly transitionDelayMs: number;
}

export interface Call {
  readonly caller: Caller;
  /** Service time at which the call began. */
  readonly nowMs: number;
}

/** Input has passed the constraints of the contract. What is thrown and no `ServiceError` is a bug. */
export function handle<O extends Operation>(
  _operation: O,
  behave: (context: TablesContext, input: InputOf<O>, call: Call) => AnswerOf<O> | Promise<AnswerOf<O>>,
): (context: TablesContext) => Handler<O> {
  return (context) => async (caller, input) =>
    behave(context, input, { caller, nowMs: context.clock.nowMs() });
}
