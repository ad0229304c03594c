import { DescribeChannel } from "@millrace/api";
import { notServed, requireChannelArn } from "../channels.ts";
import { handle } from "../handler.ts";

/** Refuses: channels are not served. */
export const describeChannel = handle(DescribeChannel, (_context, input, { failure }) => {
  requireChannelArn(input.ChannelARN, failure);
  throw notServed(DescribeChannel.name, failure);
});
