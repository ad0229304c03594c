import { UpdateAccountSettings } from "@millrace/api";
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
  async (context, input, { caller, failure, nowMs }) => {
    const { accountId, region } = caller;
    const { Status: status } = input.MinimumThroughputBillingCommitment;
    let settled: Commitment | undefined;
    await context.catalog.changeAccount(caller, UpdateAccountSettings.name, async () => {
      const { row, revision } = accountRow(context, accountId, region);
      settled = commitmentAt(context, row, nowMs);
      if (status === "DISABLED" && settled.status === "ENABLED") refuseWarmStreams(context, caller, failure);
      const changed = changedRow(row, settled, status, nowMs);
      if (changed === undefined) return undefined;
      settled = commitmentAt(context, changed, nowMs);
      const key = accountKey(accountId, region);
      return { expect: [[key, revision]], puts: [[key, JSON.stringify(changed)]] };
    });
    return { MinimumThroughputBillingCommitment: commitmentDescription(settled!) };
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
