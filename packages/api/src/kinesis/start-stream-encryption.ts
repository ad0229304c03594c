import { operation, optional, required, structure } from "../shape.ts";
import { EncryptionType, KeyId, StreamARN, StreamId, StreamName } from "./shapes.ts";

export const StartStreamEncryption = operation({
  name: "StartStreamEncryption",
  plane: "control",
  documentation: "Encrypts the records that are written from now on with a key of KMS.",

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
    "KMSDisabledException",
    "KMSInvalidStateException",
    "KMSAccessDeniedException",
    "KMSNotFoundException",
    "KMSOptInRequired",
    "KMSThrottlingException",
    "AccessDeniedException",
  ],
});
