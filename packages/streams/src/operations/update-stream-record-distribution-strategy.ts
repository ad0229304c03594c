import { UpdateStreamRecordDistributionStrategy } from "@millrace/api";
import { readStreamName, requireActive, streamNotFound } from "../find-stream.ts";
import { handle } from "../handler.ts";
import { refuseAutoOnProvisioned } from "../shards/distribution.ts";

/** Says who places records: their partition keys, or the service. In force at once, and the stream stays ACTIVE. */
export const updateStreamRecordDistributionStrategy = handle(
  UpdateStreamRecordDistributionStrategy,
  async (context, input, { caller, failure }) => {
    const name = readStreamName(input, caller, failure);
    const strategy = input.RecordDistributionStrategy;
    await context.catalog.change(name, (stream) => {
      if (stream === undefined) throw streamNotFound(name, failure);
      refuseAutoOnProvisioned(strategy, stream.header.mode, failure);
      requireActive(stream, failure);
      return { header: { ...stream.header, recordDistribution: strategy } };
    });
    return {};
  },
);
