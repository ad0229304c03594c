import { CreateChannel } from "@millrace/api";
import { notServed, refuseFreshnessOutside, refuseStreamsWithoutChannels } from "../channels.ts";
import { handle } from "../handler.ts";
import { withTags } from "../resources/tags.ts";

/** Checks a channel that is to be made, and refuses it: channels are not served. */
export const createChannel = handle(CreateChannel, (context, input, { caller, failure }) => {
  const { S3DestinationConfiguration: s3, S3TablesDestinationConfiguration: tables } = input;
  if ((s3 === undefined) === (tables === undefined)) {
    throw failure(
      "InvalidArgumentException",
      "Exactly one of S3DestinationConfiguration and S3TablesDestinationConfiguration must be specified.",
    );
  }
  refuseFreshnessOutside(context, (s3 ?? tables)?.DataFreshnessInSeconds, failure);
  withTags(
    context,
    {},
    input.Tags ?? {},
    `channel ${input.ChannelName} under account ${caller.accountId}`,
    failure,
  );
  const streams = input.StreamConfigurationList.map(({ StreamARN }) => StreamARN);
  refuseStreamsWithoutChannels(context, streams, failure);
  throw notServed(CreateChannel.name, failure);
});
