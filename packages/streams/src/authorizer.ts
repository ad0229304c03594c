import type { Caller } from "@millrace/wire";

/** Decides whether a caller may do something. Implemented above; without one everybody may do everything. */
export interface Authorizer {
  /**
   * Undefined when the call is allowed, otherwise the message of the AccessDeniedException.
   * `action` is IAM's name, e.g. `kinesis:PutRecord`; `resourceArn` is `*` for calls about no one stream.
   */
  authorize(caller: Caller, action: string, resourceArn: string): Promise<string | undefined>;
}
