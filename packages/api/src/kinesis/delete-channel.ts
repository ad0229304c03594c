import { operation, required, structure } from "../shape.ts";
import { ChannelARN } from "./channel-shapes.ts";

export const DeleteChannel = operation({
  name: "DeleteChannel",
  plane: "control",
  documentation: "Deletes a channel. Records that it has not delivered stay in the stream.",

  input: structure({
    ChannelARN: required(ChannelARN),
  }),

  output: structure({}),

  errors: [
    "ValidationException",
    "ResourceNotFoundException",
    "LimitExceededException",
    "InvalidArgumentException",
    "AccessDeniedException",
  ],
});
