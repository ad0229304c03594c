import { operation, required, structure } from "../shape.ts";
import { ChannelARN, ChannelDescription } from "./channel-shapes.ts";

export const DescribeChannel = operation({
  name: "DescribeChannel",
  plane: "control",
  documentation: "Says all that is known of one channel.",

  input: structure({
    ChannelARN: required(ChannelARN),
  }),

  output: structure({
    ChannelDescription: required(ChannelDescription),
  }),

  errors: [
    "ValidationException",
    "ResourceNotFoundException",
    "LimitExceededException",
    "InvalidArgumentException",
    "AccessDeniedException",
  ],
});
