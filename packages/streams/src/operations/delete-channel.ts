import { DeleteChannel } from "@millrace/api";
import { notServed, requireChannelArn } from "../channels.ts";
import { handle } from "../handler.ts";

/** Refuses: channels are not served. */
export const deleteChannel = handle(DeleteChannel, (_context, input, { failure }) => {
  requireChannelArn(input.ChannelARN, failure);
  throw notServed(DeleteChannel.name, failure);
});
