/**
 * "On-demand Advantage": an account commits to a least throughput of its on-demand streams, for at least a
 * day, and may then warm them. Source: API reference, MinimumThroughputBillingCommitmentInput.
 */
import type { ServiceError } from "@millrace/api";
import type { AccountRow } from "../catalog/records.ts";
import { accountKey } from "../catalog/records.ts";
import type { StreamsContext } from "../context.ts";

export type CommitmentStatus = "ENABLED" | "DISABLED" | "ENABLED_UNTIL_EARLIEST_ALLOWED_END";

export interface Commitment {
  readonly status: CommitmentStatus;
  readonly startedMs?: number;
  /** Since when it has not been in force. */
  readonly endedMs?: number;
  /** Set while it is in force. */
  readonly earliestEndMs?: number;
}

/** What is stored of an account, and the revision that a change of it expects. */
export function accountRow(
  context: StreamsContext,
  accountId: string,
  region: string,
): { readonly row: AccountRow; readonly revision: number } {
  const stored = context.engine.state.get(accountKey(accountId, region));
  if (stored === undefined) return { row: {}, revision: 0 };
  return { row: JSON.parse(stored.value) as AccountRow, revision: stored.revision };
}

/** An account's commitment as it is at `nowMs`: one that was ended before its day was over still runs to its end. */
export function commitmentAt(
  context: StreamsContext,
  { throughputCommitment: kept }: AccountRow,
  nowMs: number,
): Commitment {
  if (kept === undefined) return { status: "DISABLED" };
  const { startedMs, endMs } = kept;
  const earliestEndMs = startedMs + context.limits.commitmentMsMin;
  if (endMs === undefined) return { status: "ENABLED", startedMs, earliestEndMs };
  if (nowMs < endMs) return { status: "ENABLED_UNTIL_EARLIEST_ALLOWED_END", startedMs, earliestEndMs };
  return { status: "DISABLED", startedMs, endedMs: endMs };
}

/** Whether an account's commitment is in force. */
export function hasCommitment(
  context: StreamsContext,
  accountId: string,
  region: string,
  nowMs: number,
): boolean {
  return commitmentAt(context, accountRow(context, accountId, region).row, nowMs).status !== "DISABLED";
}

/** A commitment as answers show it. */
export function commitmentDescription({ status, startedMs, endedMs, earliestEndMs }: Commitment): {
  Status: CommitmentStatus;
  StartedAt?: number;
  EndedAt?: number;
  EarliestAllowedEndAt?: number;
} {
  return {
    Status: status,
    ...(startedMs === undefined ? {} : { StartedAt: startedMs }),
    ...(endedMs === undefined ? {} : { EndedAt: endedMs }),
    ...(earliestEndMs === undefined ? {} : { EarliestAllowedEndAt: earliestEndMs }),
  };
}

/**
 * Refuses a warm throughput that a stream in on-demand mode cannot have: the account must be committed, beyond
 * the end of a commitment nothing stays warm, and there is a most. How the service words it is not recorded.
 */
export function refuseWarmThroughput(
  context: StreamsContext,
  { accountId, region }: { readonly accountId: string; readonly region: string },
  warmThroughputMiBps: number,
  nowMs: number,
  failure: (code: "InvalidArgumentException" | "LimitExceededException", message: string) => ServiceError,
): void {
  const { status } = commitmentAt(context, accountRow(context, accountId, region).row, nowMs);
  if (status !== "ENABLED" && warmThroughputMiBps > 0) {
    throw failure(
      "InvalidArgumentException",
      `Warm throughput needs MinimumThroughputBillingCommitment ENABLED for account ${accountId} in ${region}. It is ${status}.`,
    );
  }
  const { warmThroughputMiBpsMax } = context.limits;
  if (warmThroughputMiBps > warmThroughputMiBpsMax) {
    throw failure(
      "LimitExceededException",
      `Warm throughput of ${warmThroughputMiBps} MiBps would exceed the limit for a stream. Limit: ${warmThroughputMiBpsMax}.`,
    );
  }
}
