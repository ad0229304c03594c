/**
 * Channels, which deliver a stream to S3 by themselves, are not served. Their operations check what they are
 * asked, as far as it is about streams, and then say so.
 */
import type { ServiceError } from "@millrace/api";
import { parseArn } from "@millrace/model";
import type { StreamsContext } from "./context.ts";
import type { FindFailure } from "./find-stream.ts";
import { streamNotFound } from "./find-stream.ts";

/** The answer of an operation that would go on with a channel. */
export function notServed(
  operation: string,
  failure: (code: "InvalidArgumentException", message: string) => ServiceError,
): ServiceError {
  return failure(
    "InvalidArgumentException",
    `${operation} is not supported: this server does not serve channels.`,
  );
}

/** Refuses what is not the ARN of a channel. */
export function requireChannelArn(
  arnText: string,
  failure: (code: "InvalidArgumentException", message: string) => ServiceError,
): void {
  if (parseArn(arnText)?.kind === "channel") return;
  throw failure("InvalidArgumentException", `ChannelARN ${arnText} is not the ARN of a channel.`);
}

/** Refuses streams that a channel could not take records from. */
export function refuseStreamsWithoutChannels(
  context: StreamsContext,
  arnTexts: readonly string[],
  failure: FindFailure,
): void {
  for (const arnText of arnTexts) {
    const arn = parseArn(arnText);
    if (arn?.kind !== "stream") {
      throw failure("InvalidArgumentException", `StreamARN ${arnText} is not the ARN of a stream.`);
    }
    const name = { accountId: arn.accountId, region: arn.region, name: arn.streamName };
    const stream = context.catalog.find(name);
    if (stream === undefined) throw streamNotFound(name, failure);
    if (stream.header.mode !== "ON_DEMAND") {
      throw failure(
        "InvalidArgumentException",
        `Stream ${name.name} under account ${name.accountId} is in PROVISIONED mode. A channel needs ON_DEMAND mode.`,
      );
    }
  }
}

/** Refuses a time within which data must arrive that the service does not have. */
export function refuseFreshnessOutside(
  context: StreamsContext,
  seconds: number | undefined,
  failure: (code: "InvalidArgumentException", message: string) => ServiceError,
): void {
  const { channelFreshnessSecondsMin: min, channelFreshnessSecondsMax: max } = context.limits;
  if (seconds === undefined || (seconds >= min && seconds <= max)) return;
  throw failure(
    "InvalidArgumentException",
    `DataFreshnessInSeconds must be from ${min} to ${max}, not ${seconds}.`,
  );
}
