import { ServiceError } from "@millrace/api";
import type { cloudwatch, MetricDatum } from "@millrace/api";
import type { ServiceClock } from "@millrace/runtime";
import type { Handler } from "@millrace/wire";
import type { MetricPoint, MetricPoints } from "../metric-points.ts";

const DATA_PER_CALL_MAX = 1_000;
const VALUES_PER_DATUM_MAX = 150;
const PAST_MAX_MS = 14 * 24 * 3_600_000;
const FUTURE_MAX_MS = 2 * 3_600_000;
/** 2^360, the limit that is documented for both signs. */
const MAGNITUDE_MAX = 2 ** 360;

/** Takes data of metrics. Entities are not kept: their data are taken as any others. */
export function putMetricData(
  clock: ServiceClock,
  points: MetricPoints,
): Handler<(typeof cloudwatch)["operations"]["PutMetricData"]> {
  return async ({ accountId, region }, input) => {
    const nowMs = clock.nowMs();
    const data = [
      ...(input.MetricData ?? []),
      ...(input.EntityMetricData ?? []).flatMap(({ MetricData = [] }) => MetricData),
    ];
    if (data.length === 0) {
      throw new ServiceError("MissingRequiredParameterException", "The parameter MetricData is required.");
    }
    if (data.length > DATA_PER_CALL_MAX) {
      throw refused(`The collection MetricData must not have a size greater than ${DATA_PER_CALL_MAX}.`);
    }
    const taken = data.map((datum, index) => pointOf(datum, `MetricData.member.${index + 1}`, nowMs));
    points.add(taken.map((point) => ({ ...point, accountId, region, namespace: input.Namespace })));
    return {};
  };
}

type PointOfDatum = Omit<MetricPoint, "accountId" | "region" | "namespace">;

/** @throws {ServiceError} for data that contradict themselves, or lie too far in the past or the future. */
function pointOf(datum: MetricDatum, path: string, nowMs: number): PointOfDatum {
  const { Counts, StatisticValues, Timestamp: timestampMs = nowMs, Value, Values } = datum;
  const given = [Value, Values, StatisticValues].filter((member) => member !== undefined);
  if (given.length === 0) {
    throw new ServiceError(
      "MissingRequiredParameterException",
      `At least one of the parameters ${path}.Value, ${path}.Values or ${path}.StatisticValues must be specified.`,
    );
  }
  if (given.length > 1) {
    throw new ServiceError(
      "InvalidParameterCombinationException",
      `The parameters ${path}.Value, ${path}.Values and ${path}.StatisticValues are mutually exclusive and you have specified more than one.`,
    );
  }
  if (timestampMs < nowMs - PAST_MAX_MS || timestampMs > nowMs + FUTURE_MAX_MS) {
    throw refused(
      `The parameter ${path}.Timestamp must specify a time no more than two weeks in the past and two hours in the future.`,
    );
  }
  const values = Values ?? (Value === undefined ? [] : [Value]);
  if (values.length > VALUES_PER_DATUM_MAX) {
    throw refused(`The collection ${path}.Values must not have a size greater than ${VALUES_PER_DATUM_MAX}.`);
  }
  if (Counts !== undefined && Counts.length !== values.length) {
    throw refused(`The parameters ${path}.Values and ${path}.Counts must be of the same size.`);
  }
  const numbers = [...values, ...(Counts ?? []), ...Object.values(StatisticValues ?? {})];
  if (!numbers.every((number) => Math.abs(number) <= MAGNITUDE_MAX)) {
    throw refused(
      `The parameter ${path} must have values between -2^360 and 2^360; NaN and infinity are no values.`,
    );
  }
  return {
    metricName: datum.MetricName,
    dimensions: Object.fromEntries((datum.Dimensions ?? []).map(({ Name, Value: text }) => [Name, text])),
    timestampMs,
    unit: datum.Unit ?? "None",
    ...(StatisticValues === undefined
      ? { values, ...(Counts === undefined ? {} : { counts: Counts }) }
      : {
          statistics: {
            sampleCount: StatisticValues.SampleCount,
            sum: StatisticValues.Sum,
            minimum: StatisticValues.Minimum,
            maximum: StatisticValues.Maximum,
          },
        }),
  };
}

function refused(message: string): ServiceError {
  return new ServiceError("InvalidParameterValueException", message);
}
