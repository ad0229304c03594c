import { ServiceError } from "@millrace/api";
import type { Random } from "@millrace/runtime";
import { TransportError } from "./transport/transport.ts";

/**
 * When and how long to wait before trying again: exponential backoff with full jitter, as the AWS SDKs do
 * in their standard mode (100 ms base, 500 ms after a throttle, 20 s at most).
 */
const BASE_DELAY_MS = 100;
const THROTTLED_BASE_DELAY_MS = 500;
const DELAY_MS_MAX = 20_000;

const THROTTLES = new Set([
  "ProvisionedThroughputExceededException",
  "KMSThrottlingException",
  "ThrottlingException",
  "Throttling",
  "TooManyRequestsException",
  "RequestLimitExceeded",
  "SlowDown",
]);

/**
 * `LimitExceededException` is two things: a call that came too often, whose text says so and which another
 * second mends, and a quota, which no waiting mends. Calls that are counted over 24 hours have the first text.
 */
const CALLED_TOO_OFTEN = /^Rate exceeded\b/;

/** Texts with which the service says that what failed will go on failing until somebody mends its disk. */
const LASTING =
  /cannot be read: what the disk holds is damaged|were lost to a damaged disk|: the disk is full\b/;

/**
 * What a failure promises. `called too often`: a control call above its rate. `refused`: nobody is there now, but
 * a server that restarts will be in a moment. `lasting`: the service failed and said why that will stay so.
 */
export type Outcome = "throttled" | "called too often" | "transient" | "refused" | "lasting" | "final";

/** Where more attempts would only make the person before it wait. Otherwise the client's own bound holds. */
const ATTEMPT_COUNTS_MAX: { readonly [outcome in Outcome]?: number } = {
  "called too often": 4,
  refused: 3,
  lasting: 2,
  final: 1,
};

/** A name that does not exist and a certificate that is not trusted stay so. */
const HOPELESS = /^(?:ENOTFOUND|ERR_TLS|ERR_SSL|CERT_|UNABLE_TO_|DEPTH_ZERO_SELF_SIGNED|SELF_SIGNED)/;

/** Whether a failure may go away by itself. */
export function outcomeOf(failure: unknown): Outcome {
  if (failure instanceof TransportError) {
    if (HOPELESS.test(failure.code ?? "")) return "final";
    return failure.code === "ECONNREFUSED" ? "refused" : "transient";
  }
  if (failure instanceof ServiceError) {
    if (THROTTLES.has(failure.code) || failure.status === 429) return "throttled";
    if (failure.code === "LimitExceededException") {
      return CALLED_TOO_OFTEN.test(failure.message) ? "called too often" : "final";
    }
    if (isLasting(failure)) return "lasting";
    if (failure.status >= 500) return "transient";
  }
  return "final";
}

/**
 * Whether the service failed for a reason that it named and that stays until somebody mends it: records that are
 * damaged or lost, or a full disk.
 */
export function isLasting(failure: unknown): boolean {
  return (
    failure instanceof ServiceError &&
    failure.code === "InternalFailureException" &&
    LASTING.test(failure.message)
  );
}

/** Whether another attempt is worth it after `attemptCount` of them failed, the last with `outcome`. */
export function mayTryAgain(attemptCount: number, attemptCountMax: number, outcome: Outcome): boolean {
  return attemptCount < Math.min(ATTEMPT_COUNTS_MAX[outcome] ?? Infinity, attemptCountMax);
}

/**
 * How long to wait before attempt `attempt + 1`, in milliseconds.
 *
 * @param attempt how many attempts have failed, from 1.
 */
export function retryDelayMs(attempt: number, outcome: Outcome, random: Random): number {
  const isThrottle = outcome === "throttled" || outcome === "called too often";
  const baseMs = isThrottle ? THROTTLED_BASE_DELAY_MS : BASE_DELAY_MS;
  return random.fraction() * Math.min(DELAY_MS_MAX, baseMs * 2 ** (attempt - 1));
}
