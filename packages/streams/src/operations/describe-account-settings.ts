import { DescribeAccountSettings } from "@millrace/api";
import { accountRow, commitmentAt, commitmentDescription } from "../account/throughput-commitment.ts";
import { handle } from "../handler.ts";

/** Says whether the account is committed to a least throughput of its on-demand streams. */
export const describeAccountSettings = handle(
  DescribeAccountSettings,
  (context, _input, { caller, nowMs }) => {
    const { row } = accountRow(context, caller.accountId, caller.region);
    return { MinimumThroughputBillingCommitment: commitmentDescription(commitmentAt(context, row, nowMs)) };
  },
);
