import { ListStreamConsumers } from "@millrace/api";
import { consumerDescription } from "../consumers/find-consumer.ts";
import { findStream, requireActive } from "../find-stream.ts";
import { handle } from "../handler.ts";
import { nextToken, readNextToken } from "../next-token.ts";

/** Where the next page of ListStreamConsumers begins, and of which stream. */
interface Page {
  readonly incarnation: string;
  readonly after: string;
}

/** Lists the fan-out consumers of a stream by name, page by page. */
export const listStreamConsumers = handle(
  ListStreamConsumers,
  (context, input, { caller, failure, nowMs }) => {
    const { StreamCreationTimestamp: createdMs, NextToken: token } = input;
    if (token !== undefined && createdMs !== undefined) {
      throw failure(
        "InvalidArgumentException",
        "NextToken and StreamCreationTimestamp cannot be provided together.",
      );
    }
    const stream = findStream(context, input, caller, failure);
    const { incarnation, createdMs: streamCreatedMs } = stream.header;
    // Clients keep timestamps in seconds or in milliseconds, so the second decides.
    if (createdMs !== undefined && Math.floor(createdMs / 1_000) !== Math.floor(streamCreatedMs / 1_000)) {
      throw failure(
        "ResourceNotFoundException",
        `Stream ${stream.name} under account ${stream.accountId} with this creation timestamp not found.`,
      );
    }
    if (!stream.isServing) requireActive(stream, failure);
    let after = "";
    if (token !== undefined) {
      const page = readNextToken<Page>(context, ListStreamConsumers.name, token, nowMs, failure);
      if (page.incarnation !== incarnation) throw failure("InvalidArgumentException", "Invalid NextToken.");
      after = page.after;
    }

    const { listStreamConsumersMax } = context.limits;
    const limit = Math.min(input.MaxResults ?? listStreamConsumersMax, listStreamConsumersMax);
    const names = [...stream.consumers.keys()].filter((name) => name > after).sort();
    const page = names.slice(0, limit);
    const last = page.at(-1);
    return {
      Consumers: page.map((name) => consumerDescription({ stream, name, row: stream.consumers.get(name)! })),
      ...(names.length > limit && last !== undefined
        ? {
            NextToken: nextToken<Page>(
              context,
              ListStreamConsumers.name,
              { incarnation, after: last },
              nowMs,
            ),
          }
        : {}),
    };
  },
);
