import { DeleteStream } from "@millrace/api";
import { readStreamName, streamNotFound } from "../find-stream.ts";
import { handle } from "../handler.ts";

/** Deletes a stream in any status, with its records. It is DELETING, and serves no data, until all is gone. */
export const deleteStream = handle(DeleteStream, async (context, input, { caller, failure, nowMs }) => {
  const name = readStreamName(input, caller, failure);
  await context.catalog.change(name, (stream) => {
    if (stream === undefined) throw streamNotFound(name, failure);
    if (stream.header.status === "DELETING") return undefined;
    if (stream.consumers.size > 0 && input.EnforceConsumerDeletion !== true) {
      throw failure(
        "ResourceInUseException",
        // Recorded from the service by users of CloudFormation and aws-nuke, with this apostrophe.
        `DeleteStream can\u2019t delete ${name.accountId}:${name.name} because there are consumers associated with this data stream. ` +
          `To delete ${name.name} anyway, set the EnforceConsumerDeletion parameter to true ` +
          "to force the deletion of all the consumers that are associated with it.",
      );
    }
    return {
      header: {
        ...stream.header,
        status: "DELETING",
        pending: { kind: "delete", dueMs: nowMs + context.transitionDelayMs },
      },
    };
  });
  return {};
});
