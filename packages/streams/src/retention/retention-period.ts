import type { ServiceError } from "@millrace/api";
import type { StreamsContext } from "../context.ts";

/** Refuses a retention period that the service does not have. */
export function refuseRetentionOutside(
  context: StreamsContext,
  hours: number,
  failure: (code: "InvalidArgumentException", message: string) => ServiceError,
): void {
  const { retentionHoursMin, retentionHoursMax } = context.limits;
  if (hours < retentionHoursMin) {
    throw failure(
      "InvalidArgumentException",
      `Minimum allowed retention period is ${retentionHoursMin} hours. ` +
        `Requested retention period (${hours} hours) is too short.`,
    );
  }
  if (hours > retentionHoursMax) {
    throw failure(
      "InvalidArgumentException",
      `Maximum allowed retention period is ${retentionHoursMax} hours. ` +
        `Requested retention period (${hours} hours) is too long.`,
    );
  }
}
