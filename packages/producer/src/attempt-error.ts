import { ServiceError } from "@millrace/api";

/** Why an attempt failed: the service's code, or one of ours. */
export interface AttemptError {
  readonly code: string;
  readonly message: string;
}

export function answerError(code: string | undefined, message: string | undefined): AttemptError {
  if (code === undefined) return { code: "InvalidAnswer", message: "the answer does not tell of the record" };
  return { code, message: message ?? "" };
}

export function errorOf(failure: unknown): AttemptError {
  if (failure instanceof ServiceError) return { code: failure.code, message: failure.message };
  if (failure instanceof Error) return { code: failure.name, message: failure.message };
  return { code: "Unknown", message: String(failure) };
}
