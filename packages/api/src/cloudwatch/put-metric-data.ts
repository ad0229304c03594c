import { boolean, list, map, operation, optional, required, string, structure } from "../shape.ts";
import { MetricDatumShape, Namespace } from "./shapes.ts";

export const PutMetricData = operation({
  name: "PutMetricData",
  plane: "data",
  documentation: "Takes data of metrics: values, counted values, or statistics of many.",

  input: structure({
    Namespace: required(Namespace),
    MetricData: optional(list(MetricDatumShape)),
    EntityMetricData: optional(
      list(
        structure({
          Entity: optional(
            structure({
              KeyAttributes: optional(map(string(), string())),
              Attributes: optional(map(string(), string())),
            }),
          ),
          MetricData: optional(list(MetricDatumShape)),
        }),
      ),
    ),
    StrictEntityValidation: optional(boolean()),
  }),

  output: structure({}),

  errors: [
    "InvalidParameterValueException",
    "MissingRequiredParameterException",
    "InvalidParameterCombinationException",
    "InternalServiceFault",
  ],
});
