import { service } from "../service.ts";
import { PutMetricData } from "./put-metric-data.ts";

/** What Amazon CloudWatch takes from the clients of Kinesis. */
export const cloudwatch = service({
  name: "monitoring",
  targetPrefix: "GraniteServiceVersion20100801",
  apiVersion: "2010-08-01",
  errorNamespace: "com.amazonaws.cloudwatch.v2010_08_01",
  xmlNamespace: "http://monitoring.amazonaws.com/doc/2010-08-01/",
  queryErrorCodes: {
    ValidationException: "ValidationError",
    InvalidParameterValueException: "InvalidParameterValue",
    InvalidParameterCombinationException: "InvalidParameterCombination",
    MissingRequiredParameterException: "MissingParameter",
    InternalServiceFault: "InternalServiceError",
  },
  operations: { PutMetricData },
});
