import { list, operation, optional, required, structure, timestamp } from "../shape.ts";
import { Consumer, NextToken, PageSize, StreamARN, StreamId } from "./shapes.ts";

export const ListStreamConsumers = operation({
  name: "ListStreamConsumers",
  plane: "control",
  documentation: "Lists the fan-out consumers of a stream, page by page.",

  input: structure({
    StreamARN: required(StreamARN),
    NextToken: optional(NextToken),
    MaxResults: optional(PageSize),
    StreamCreationTimestamp: optional(timestamp()),
    StreamId: optional(StreamId),
  }),

  output: structure({
    Consumers: optional(list(Consumer)),
    NextToken: optional(NextToken),
  }),

  errors: [
    "ResourceNotFoundException",
    "InvalidArgumentException",
    "LimitExceededException",
    "ExpiredNextTokenException",
    "ResourceInUseException",
  ],
});
