import { GetResourcePolicy } from "@millrace/api";
import { handle } from "../handler.ts";
import { findResource, readResource } from "../resources/find-resource.ts";

/** Gives the policy of a stream or a consumer as it was put; `{}` when there is none, as recorded. */
export const getResourcePolicy = handle(GetResourcePolicy, (context, input, { failure }) => {
  const { policy = "{}" } = findResource(context, readResource(input.ResourceARN, failure), failure);
  return { Policy: policy };
});
