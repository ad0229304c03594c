import { ServiceError, UpdateAccountSettings } from "@millrace/api";
import type { Caller, Failure } from "@millrace/wire";
import type { Commitment } from "../account/throughput-commitment.ts";
import { accountRow, commitmentAt, commitmentDescription } from "../account/throughput-commitment.ts";
import type { AccountRow } from "../catalog/records.ts";
import { accountKey } from "../catalog/records.ts";
import type { StreamsContext } from "../context.ts";
import { handle } from "../handler.ts";

/**
 * Commits the account to a least throughput of its on-demand streams, or ends the commitment: at once when it
 * has lasted a day, otherwise at the end of that day, unless it is enabled again before.
 */
export const updateAccountSettings = handle(
  UpdateAccountSettings,
  (context, input, { caller, failure, nowMs }) => {
    const { accountId, region } = caller;
    const { Status: status } = input.MinimumThroughputBillingCommitment;
    return context.catalog.inTurn(accountId, region, async () => {
      const { row, revision } = accountRow(context, accountId, region);
      const current = commitmentAt(context, row, nowMs);
      if (status === "DISABLED" && current.status === "ENABLED") refuseWarmStreams(context, caller, failure);
      const changed = changedRow(row, current, status, nowMs);
      if (changed === undefined)
        return { MinimumThroughputBillingCommitment: commitmentDescription(current) };
      const key = accountKey(accountId, region);
      const outcome = await context.engine.state.commit({
        expect: [[key, revision]],
        puts: [[key, JSON.stringify(changed)]],
      });
      if (outcome.kind !== "committed") {
        const reason = outcome.kind === "conflict" ? "it was changed by another server" : outcome.reason;
        throw new ServiceError("InternalFailureException", `The change could not be stored: ${reason}.`);
      }
      return {
        MinimumThroughputBillingCommitment: commitmentDescription(commitmentAt(context, changed, nowMs)),
      };
    });
  },
);

/** What is to be stored; undefined when the commitment is as asked for already. */
function changedRow(
  row: AccountRow,
  { status, startedMs, earliestEndMs }: Commitment,
  asked: "ENABLED" | "DISABLED",
  nowMs: number,
): AccountRow | undefined {
  if (asked === "ENABLED") {
    switch (status) {
      case "ENABLED":
        return undefined;
      case "ENABLED_UNTIL_EARLIEST_ALLOWED_END":
        return { ...row, throughputCommitment: { startedMs: startedMs! } };
      case "DISABLED":
        return { ...row, throughputCommitment: { startedMs: nowMs } };
    }
  }
  if (status !== "ENABLED") return undefined;
  return {
    ...row,
    throughputCommitment: { startedMs: startedMs!, endMs: Math.max(nowMs, earliestEndMs!) },
  };
}

/** A stream stays warm only under a commitment, so that must end first. */
function refuseWarmStreams(
  context: StreamsContext,
  { accountId, region }: Caller,
  failure: Failure<typeof UpdateAccountSettings>,
): void {
  for (const stream of context.catalog.streamsOf(accountId, region)) {
    if (stream.header.warmThroughputMiBps === undefined) continue;
    throw failure(
      "InvalidArgumentException",
      "MinimumThroughputBillingCommitment cannot be disabled while streams have warm throughput. " +
        `Stream ${stream.name} under account ${accountId} has ${stream.header.warmThroughputMiBps} MiBps: ` +
        "set it to 0 with UpdateStreamWarmThroughput first.",
    );
  }
}
