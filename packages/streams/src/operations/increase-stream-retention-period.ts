import { IncreaseStreamRetentionPeriod } from "@millrace/api";
import { readStreamName, requireActive, streamNotFound } from "../find-stream.ts";
import { handle } from "../handler.ts";
import { trimsBelow } from "../retention/retention-pass.ts";
import { refuseRetentionOutside } from "../retention/retention-period.ts";

/** Keeps records for longer. What was past the old period stays gone. */
export const increaseStreamRetentionPeriod = handle(
  IncreaseStreamRetentionPeriod,
  async (context, input, { caller, failure, nowMs }) => {
    const name = readStreamName(input, caller, failure);
    const hours = input.RetentionPeriodHours;
    await context.catalog.change(name, async (stream) => {
      if (stream === undefined) throw streamNotFound(name, failure);
      refuseRetentionOutside(context, hours, failure);
      if (stream.header.retentionHours > hours) {
        throw failure(
          "InvalidArgumentException",
          `Requested retention period (${hours} hours) for stream ${name.name} ` +
            `can not be shorter than existing retention period (${stream.header.retentionHours} hours). ` +
            "Use DecreaseRetentionPeriod API.",
        );
      }
      requireActive(stream, failure);
      const { header } = stream;
      const horizonMs = stream.horizonMs(nowMs);
      const trims = await trimsBelow(context, stream, horizonMs);
      return { header: { ...header, retentionHours: hours, horizonMs }, trims };
    });
    return {};
  },
);
