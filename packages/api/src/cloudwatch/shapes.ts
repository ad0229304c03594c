/** Shapes named as in the service's own model. */
import { double, integer, list, optional, required, string, structure, timestamp } from "../shape.ts";
import type { Decoded } from "../shape.ts";

export const Namespace = string({ length: [1, 255], pattern: "[^:].*" });

const Dimension = structure({
  Name: required(string({ length: [1, 255] })),
  Value: required(string({ length: [1, 1024] })),
});

const StandardUnit = string({
  values: [
    "Seconds",
    "Microseconds",
    "Milliseconds",
    "Bytes",
    "Kilobytes",
    "Megabytes",
    "Gigabytes",
    "Terabytes",
    "Bits",
    "Kilobits",
    "Megabits",
    "Gigabits",
    "Terabits",
    "Percent",
    "Count",
    "Bytes/Second",
    "Kilobytes/Second",
    "Megabytes/Second",
    "Gigabytes/Second",
    "Terabytes/Second",
    "Bits/Second",
    "Kilobits/Second",
    "Megabits/Second",
    "Gigabits/Second",
    "Terabits/Second",
    "Count/Second",
    "None",
  ],
});

export const MetricDatumShape = structure({
  MetricName: required(string({ length: [1, 255] })),
  Dimensions: optional(list(Dimension, { length: [0, 30] })),
  Timestamp: optional(timestamp()),
  Value: optional(double()),
  StatisticValues: optional(
    structure({
      SampleCount: required(double()),
      Sum: required(double()),
      Minimum: required(double()),
      Maximum: required(double()),
    }),
  ),
  Values: optional(list(double())),
  Counts: optional(list(double())),
  Unit: optional(StandardUnit),
  StorageResolution: optional(integer({ min: 1 })),
});

/** One datum of a metric, as it is put. */
export type MetricDatum = Decoded<typeof MetricDatumShape>;
