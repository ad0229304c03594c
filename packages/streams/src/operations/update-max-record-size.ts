import { UpdateMaxRecordSize } from "@millrace/api";
import { readStreamName, requireActive, streamNotFound } from "../find-stream.ts";
import { handle } from "../handler.ts";
import { updating } from "../updating.ts";

/** Sets the size of the largest record that a stream takes. Records that are in it stay readable. */
export const updateMaxRecordSize = handle(
  UpdateMaxRecordSize,
  async (context, input, { caller, failure, nowMs }) => {
    const name = readStreamName(input, caller, failure);
    await context.catalog.change(name, (stream) => {
      if (stream === undefined) throw streamNotFound(name, failure);
      requireActive(stream, failure);
      return {
        header: updating(context, { ...stream.header, maxRecordSizeKiB: input.MaxRecordSizeInKiB }, nowMs),
      };
    });
    return {};
  },
);
