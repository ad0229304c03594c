/**
 * When a stream's records were to be encrypted. Records carry the type in answers, and a stream can change it at
 * any time, so the header keeps the periods for as long as records of them can be read.
 */
import type { ServiceError } from "@millrace/api";
import type { StreamHeader } from "./catalog/records.ts";
import type { Stream } from "./catalog/stream.ts";

type Periods = NonNullable<StreamHeader["encryptedPeriods"]>;

/** Whether records that arrived at `arrivalMs` were put while encryption was on. */
export function wasEncryptedAt({ encryptedPeriods = [] }: StreamHeader, arrivalMs: number): boolean {
  if (encryptedPeriods.length === 0) return false;
  return encryptedPeriods.some(
    ({ fromMs, toMs }) => fromMs <= arrivalMs && (toMs === undefined || arrivalMs < toMs),
  );
}

/** The periods when encryption is switched on (again) at `nowMs`. */
export function encryptedFrom(stream: Stream, nowMs: number): Periods {
  const periods = readable(stream, nowMs);
  return periods.some(({ toMs }) => toMs === undefined) ? periods : [...periods, { fromMs: nowMs }];
}

/** The periods when encryption is switched off at `nowMs`. */
export function encryptedUntil(stream: Stream, nowMs: number): Periods {
  return readable(stream, nowMs).map(({ fromMs, toMs = nowMs }) => ({ fromMs, toMs }));
}

/**
 * Refuses what names no key: an id (a GUID, `mrk-…` for a key in several regions), `alias/…`, or the ARN of
 * either. Whether there is such a key is not known here. How the service words it is not recorded.
 */
export function refuseMalformedKeyId(
  keyId: string,
  failure: (code: "InvalidArgumentException", message: string) => ServiceError,
): void {
  if (KEY_ID.test(keyId)) return;
  throw failure(
    "InvalidArgumentException",
    `KeyId ${keyId} is not a properly formatted key id, alias or ARN.`,
  );
}

/** Refuses an encryption type that is none. */
export function requireKms(
  encryptionType: "NONE" | "KMS",
  failure: (code: "InvalidArgumentException", message: string) => ServiceError,
): void {
  if (encryptionType === "KMS") return;
  throw failure(
    "InvalidArgumentException",
    `EncryptionType ${encryptionType} is not valid for this request. Use KMS.`,
  );
}

const ID = "[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}|mrk-[0-9a-fA-F]{32}";
const ALIAS = "alias/[a-zA-Z0-9/_-]+";
const KEY_ID = new RegExp(`^(?:${ID}|${ALIAS}|arn:aws[^:]*:kms:[^:]+:\\d{12}:(?:key/(?:${ID})|${ALIAS}))$`);

/** Without the periods that no readable record lies in. */
function readable(stream: Stream, nowMs: number): Periods {
  const { encryptedPeriods = [] } = stream.header;
  const horizonMs = stream.horizonMs(nowMs);
  return encryptedPeriods.filter(({ toMs }) => toMs === undefined || toMs > horizonMs);
}
