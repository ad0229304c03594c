import { UpdateChannel } from "@millrace/api";
import { notServed, refuseFreshnessOutside, requireChannelArn } from "../channels.ts";
import { handle } from "../handler.ts";

/** Checks a change of a channel, and refuses it: channels are not served. */
export const updateChannel = handle(UpdateChannel, (context, input, { failure }) => {
  requireChannelArn(input.ChannelARN, failure);
  const { S3DestinationConfiguration: s3, S3TablesDestinationConfiguration: tables } = input;
  for (const destination of [s3, tables]) {
    refuseFreshnessOutside(context, destination?.DataFreshnessInSeconds, failure);
  }
  throw notServed(UpdateChannel.name, failure);
});
