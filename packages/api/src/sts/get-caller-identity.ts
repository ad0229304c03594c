import { operation, optional, string, structure } from "../shape.ts";

export const GetCallerIdentity = operation({
  name: "GetCallerIdentity",
  plane: "control",
  documentation: "Says as whom the server sees the caller.",

  input: structure({}),

  output: structure({
    UserId: optional(string()),
    Account: optional(string()),
    Arn: optional(string()),
  }),

  errors: [],
});
