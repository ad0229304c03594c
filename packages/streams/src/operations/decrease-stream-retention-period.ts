import { DecreaseStreamRetentionPeriod } from "@millrace/api";
import { readStreamName, requireActive, streamNotFound } from "../find-stream.ts";
import { handle } from "../handler.ts";
import { refuseRetentionOutside } from "../retention/retention-period.ts";

/** Keeps records for a shorter time. What is past the new period is gone at once. */
export const decreaseStreamRetentionPeriod = handle(
  DecreaseStreamRetentionPeriod,
  async (context, input, { caller, failure }) => {
    const name = readStreamName(input, caller, failure);
    const hours = input.RetentionPeriodHours;
    await context.catalog.change(name, (stream) => {
      if (stream === undefined) throw streamNotFound(name, failure);
      refuseRetentionOutside(context, hours, failure);
      if (stream.header.retentionHours < hours) {
        throw failure(
          "InvalidArgumentException",
          `Requested retention period (${hours} hours) for stream ${name.name} ` +
            `can not be longer than existing retention period (${stream.header.retentionHours} hours). ` +
            "Use IncreaseRetentionPeriod API.",
        );
      }
      requireActive(stream, failure);
      return { header: { ...stream.header, retentionHours: hours } };
    });
    return {};
  },
);
