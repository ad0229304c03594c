import type { KinesisClient } from "@millrace/client";

/** The part of a client that a consumer uses. */
export type ReadingClient = Pick<
  KinesisClient,
  | "describeStreamConsumer"
  | "describeStreamSummary"
  | "getRecords"
  | "getShardIterator"
  | "listShards"
  | "registerStreamConsumer"
  | "subscribeToShard"
>;
