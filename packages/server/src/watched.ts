import { kinesis } from "@millrace/api";
import type { Clock } from "@millrace/runtime";
import { ConnectionDropped } from "@millrace/wire";
import type { WireResponse, WireService } from "@millrace/wire";
import type { Faults } from "./faults/faults.ts";
import type { ServerMetrics } from "./metrics/server-metrics.ts";

const TARGETS: ReadonlyMap<string, string> = new Map(
  Object.keys(kinesis.operations).map((name) => [`${kinesis.targetPrefix}.${name}`, name]),
);
/** Longer bodies than any error has are not searched for its code. */
const ERROR_BODY_BYTES_MAX = 16 * 1024;

export interface WatchOptions {
  /** Machine time. */
  readonly clock: Clock;
  readonly metrics: ServerMetrics;
  readonly faults: Faults;
}

/** The service, with every answer counted, and with those answers lost that a fault wants lost. */
export function watched(service: WireService, { clock, metrics, faults }: WatchOptions): WireService {
  return async (request) => {
    const beganMs = clock.monotonicMs();
    const response = await service(request);
    const operation = TARGETS.get(request.headers["x-amz-target"] ?? "") ?? "unknown";
    metrics.answered(operation, codeOf(response), clock.monotonicMs() - beganMs);
    await loseIfDropped(response, faults);
    return response;
  };
}

/** @throws {ConnectionDropped} when a fault wants this answer lost. */
export async function loseIfDropped({ headers, body }: WireResponse, faults: Faults): Promise<void> {
  if (!faults.takeDropped(headers["x-amzn-RequestId"] ?? "")) return;
  if (isStream(body)) await body[Symbol.asyncIterator]().return?.();
  throw new ConnectionDropped();
}

function codeOf({ status, headers, body }: WireResponse): string {
  if (status < 400) return "OK";
  const named = headers["x-amzn-ErrorType"];
  if (named !== undefined) return named;
  const pieces = body instanceof Uint8Array ? [body] : isStream(body) ? [] : body;
  if (pieces.reduce((sum, piece) => sum + piece.length, 0) <= ERROR_BODY_BYTES_MAX) {
    const found = /"__type":"([A-Za-z.]{1,80})"|^<([A-Za-z]{1,80})/.exec(
      Buffer.concat(pieces).toString("latin1"),
    );
    const code = found?.[1] ?? found?.[2];
    if (code !== undefined) return code;
  }
  return String(status);
}

function isStream(body: WireResponse["body"]): body is AsyncIterable<Uint8Array> {
  return !(body instanceof Uint8Array) && !Array.isArray(body);
}
