import { ServiceError } from "@millrace/api";
import type { KinesisClient } from "@millrace/client";
import type { Clock, Logger } from "@millrace/runtime";
import type { InitialStream } from "./options/declarations.ts";
import { OptionError } from "./options/option-error.ts";

/** DescribeStreamSummary may be called 20 times a second. */
const LOOK_EVERY_MS = 60;

/** Creates the streams that are missing and waits until all can be used. Those that exist are left as they are. */
export async function createInitialStreams(
  client: KinesisClient,
  streams: readonly InitialStream[],
  {
    clock,
    log,
    transitionDelayMs,
  }: { readonly clock: Clock; readonly log: Logger; readonly transitionDelayMs: number },
): Promise<void> {
  let createdCount = 0;
  for (const { name, shardCount } of streams) {
    try {
      await client.createStream({ StreamName: name, ShardCount: shardCount });
      createdCount += 1;
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      if (error.code !== "ResourceInUseException") {
        throw new OptionError(
          "stream",
          `--stream ${name}:${shardCount} could not be created: ${error.message}`,
        );
      }
      log.debug("the stream exists already", { stream: name });
    }
  }
  if (createdCount > 0) await clock.sleep(transitionDelayMs + 1);
  for (const { name, shardCount } of streams) {
    for (;;) {
      const { StreamDescriptionSummary: summary } = await client.describeStreamSummary({ StreamName: name });
      if (summary.StreamStatus !== "CREATING") {
        if (summary.OpenShardCount !== shardCount) {
          log.info("the stream exists with another number of shards and is left as it is", {
            stream: name,
            openShardCount: summary.OpenShardCount,
            askedShardCount: shardCount,
          });
        }
        break;
      }
      await clock.sleep(LOOK_EVERY_MS);
    }
  }
}
