import { operation, optional, required, structure } from "../shape.ts";
import { EncryptionType, KeyId, StreamARN, StreamId, StreamName } from "./shapes.ts";

export const StopStreamEncryption = operation({
  name: "StopStreamEncryption",
  plane: "control",
  documentation: "Writes records without encryption from now on; older ones stay encrypted.",

  input: structure({
    StreamName: optional(StreamName),
    EncryptionType: required(EncryptionType),
    KeyId: required(KeyId),
    StreamARN: optional(StreamARN),
    StreamId: optional(StreamId),
  }),

  output: structure({}),

  errors: [
    "InvalidArgumentException",
    "LimitExceededException",
    "ResourceInUseException",
    "ResourceNotFoundException",
    "AccessDeniedException",
  ],
});
