import { ListStreams } from "@millrace/api";
import { handle } from "../handler.ts";
import { nextToken, readNextToken } from "../next-token.ts";

/** Where the next page of ListStreams begins. */
interface Page {
  readonly after: string;
}

/** Lists the caller's streams in a region by name, page by page. */
export const listStreams = handle(ListStreams, (context, input, { caller, failure, nowMs }) => {
  const { accountId, region } = caller;
  const { listStreamsMax } = context.limits;
  const limit = Math.min(input.Limit ?? listStreamsMax, listStreamsMax);
  const after =
    input.NextToken === undefined
      ? input.ExclusiveStartStreamName
      : readNextToken<Page>(context, ListStreams.name, input.NextToken, nowMs, failure).after;

  const names = context.catalog.namesOf(accountId, region);
  const start = after === undefined ? 0 : firstAbove(names, after);
  const page = names.slice(start, start + limit);
  const last = page.at(-1);
  const hasMore = start + page.length < names.length;
  return {
    StreamNames: page,
    HasMoreStreams: hasMore,
    ...(hasMore && last !== undefined
      ? { NextToken: nextToken<Page>(context, ListStreams.name, { after: last }, nowMs) }
      : {}),
    StreamSummaries: page.flatMap((name) => {
      const stream = context.catalog.find({ accountId, region, name });
      if (stream === undefined) return [];
      return {
        StreamName: name,
        StreamARN: stream.arn,
        StreamStatus: stream.header.status,
        StreamModeDetails: { StreamMode: stream.header.mode },
        StreamCreationTimestamp: stream.header.createdMs,
      };
    }),
  };
});

function firstAbove(sorted: readonly string[], bound: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! <= bound) low = middle + 1;
    else high = middle;
  }
  return low;
}
