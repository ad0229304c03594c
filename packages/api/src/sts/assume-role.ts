import { integer, list, operation, optional, required, string, structure, timestamp } from "../shape.ts";

const Arn = string({
  length: [20, 2048],
  pattern: "[\\u0009\\u000A\\u000D\\u0020-\\u007E\\u0085\\u00A0-\\uD7FF\\uE000-\\uFFFD\\u10000-\\u10FFFF]+",
});

export const AssumeRole = operation({
  name: "AssumeRole",
  plane: "control",
  documentation:
    "Gives credentials that are good for as long as was asked for. Nobody is refused a role: this server has no policies yet.",

  input: structure({
    RoleArn: required(Arn),
    RoleSessionName: required(string({ length: [2, 64], pattern: "[\\w+=,.@-]*" })),
    PolicyArns: optional(list(structure({ arn: optional(Arn) }))),
    Policy: optional(string({ length: [1] })),
    DurationSeconds: optional(integer({ min: 900, max: 43_200 })),
    Tags: optional(
      list(
        structure({
          Key: required(string({ length: [1, 128] })),
          Value: required(string({ length: [0, 256] })),
        }),
        { length: [0, 50] },
      ),
    ),
    TransitiveTagKeys: optional(list(string({ length: [1, 128] }), { length: [0, 50] })),
    ExternalId: optional(string({ length: [2, 1224], pattern: "[\\w+=,.@:\\/-]*" })),
    SourceIdentity: optional(string({ length: [2, 64], pattern: "[\\w+=,.@-]*" })),
  }),

  output: structure({
    Credentials: optional(
      structure({
        AccessKeyId: required(string()),
        SecretAccessKey: required(string()),
        SessionToken: required(string()),
        Expiration: required(timestamp()),
      }),
    ),
    AssumedRoleUser: optional(structure({ AssumedRoleId: required(string()), Arn: required(string()) })),
    PackedPolicySize: optional(integer()),
    SourceIdentity: optional(string()),
  }),

  errors: [
    "MalformedPolicyDocumentException",
    "PackedPolicyTooLargeException",
    "RegionDisabledException",
    "ExpiredTokenException",
  ],
});
