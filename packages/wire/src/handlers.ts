/** What a service is made of, typed by its contract. */
import { ServiceError } from "@millrace/api";
import type {
  Decoded,
  ErrorCodeOf,
  InputOf,
  Operation,
  OutputOf,
  Service,
  StructureShape,
} from "@millrace/api";
import type { Caller } from "./exchange.ts";
import type { StoredRecords } from "./stored-records/stored-records.ts";

/** The output of an operation, with its event stream (a member that is a union) as what it is over time. */
export type AnswerOf<O> =
  O extends Operation<string, StructureShape, StructureShape<infer M>, string>
    ? {
        readonly [K in keyof OutputOf<O>]: K extends keyof M
          ? M[K]["shape"] extends { readonly kind: "union" }
            ? AsyncIterable<Decoded<M[K]["shape"]>>
            : OutputOf<O>[K]
          : never;
      }
    : never;

/** What a handler may know of how its answer is encoded. */
export interface AnswerForm {
  /** Makes records that are encoded as they are read, so that nobody can look at them any more. Absent where they are not. */
  readonly newRecords?: () => StoredRecords;
}

/**
 * Carries out one operation. The input has the types and keeps the constraints of the contract. It
 * answers by returning, or refuses by throwing a {@link ServiceError}; anything else that it throws is
 * a bug and becomes an `InternalFailureException`.
 *
 * An event stream is asked for its next event when the transport has taken the last one. Its `return()`
 * is called when the client is gone, maybe before the first `next()` and maybe while one is pending, so
 * what it holds must not depend on the body of a generator having begun. Its iterator is best a {@link Cursor}.
 */
export type Handler<O> = (caller: Caller, input: InputOf<O>, form?: AnswerForm) => Promise<AnswerOf<O>>;

/** One handler for each operation of a service: an operation without one does not compile. */
export type Handlers<S extends Service> = {
  readonly [Name in keyof S["operations"]]: Handler<S["operations"][Name]>;
};

/** Codes that any operation can answer, listed in its contract or not. */
export const COMMON_ERROR_CODES = [
  "AccessDeniedException",
  "InternalFailureException",
  "ThrottlingException",
  "ValidationException",
] as const;

export type CommonErrorCode = (typeof COMMON_ERROR_CODES)[number];

/** Makes the refusals of one operation; any code that its contract does not list does not compile. */
export type Failure<O> = (
  code: ErrorCodeOf<O> | CommonErrorCode,
  message: string,
  options?: { cause?: unknown },
) => ServiceError<ErrorCodeOf<O> | CommonErrorCode>;

/**
 * The refusals of an operation.
 *
 * @example
 * const failure = failuresOf(PutRecord);
 * throw failure("ResourceNotFoundException", `Stream ${name} under account ${accountId} not found.`);
 */
export function failuresOf<O extends Operation>(operation: O): Failure<O> {
  return (code, message, options = {}) => {
    if (!isListed(operation, code)) {
      throw new TypeError(`${operation.name} cannot answer ${code}`);
    }
    return new ServiceError(code, message, options);
  };
}

/** Whether an operation may answer with this code. */
export function isListed(operation: Operation, code: string): boolean {
  return operation.errors.includes(code) || (COMMON_ERROR_CODES as readonly string[]).includes(code);
}
