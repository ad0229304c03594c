import { ListChannels } from "@millrace/api";
import { parseArn } from "@millrace/model";
import { notServed } from "../channels.ts";
import { handle } from "../handler.ts";
import { readNextToken } from "../next-token.ts";

/** Refuses: channels are not served. */
export const listChannels = handle(ListChannels, (context, input, { failure, nowMs }) => {
  const { NextToken: token, StreamFilter: filters = [] } = input;
  if (token !== undefined) readNextToken(context, ListChannels.name, token, nowMs, failure);
  for (const { StreamARN: arnText } of filters) {
    if (parseArn(arnText)?.kind === "stream") continue;
    throw failure("InvalidArgumentException", `StreamARN ${arnText} is not the ARN of a stream.`);
  }
  throw notServed(ListChannels.name, failure);
});
