/** Clients of the server. Unless told otherwise they never try again: one call is one attempt. */
import { ServiceError } from "@millrace/api";
import { createKinesisClient, type KinesisClient } from "@millrace/client";
import { runtime } from "./settings.ts";

export interface ConnectOptions {
  readonly httpVersion?: "1.1" | "2";
  readonly protocol?: "json" | "cbor";
  /** More than one only where a call that is repeated does no harm, to wait for a rate limit. Default: 1. */
  readonly attemptCountMax?: number;
}

export function connect(endpoint: string, options: ConnectOptions = {}): KinesisClient {
  return createKinesisClient({
    endpoint,
    clock: runtime.clock,
    random: runtime.random,
    attemptCountMax: 1,
    // Subscriptions and puts on a slow disk may take their time; a dead server closes its connections.
    attemptTimeoutMs: 60_000,
    ...options,
  });
}

/** Whether a call failed without an answer, so that nobody knows what became of it. */
export function isUnanswered(error: unknown): boolean {
  return error instanceof ServiceError && error.status === 0;
}

export interface Health {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

export async function health(endpoint: string): Promise<Health> {
  const response = await fetch(new URL("/_millrace/health", endpoint));
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

/** Moves service time; the server must run with `--dev`. */
export async function advance(endpoint: string, durationMs: number): Promise<void> {
  const response = await fetch(new URL("/_millrace/clock/advance", endpoint), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ durationMs }),
  });
  if (!response.ok) throw new Error(`the clock was not moved: ${response.status} ${await response.text()}`);
}
