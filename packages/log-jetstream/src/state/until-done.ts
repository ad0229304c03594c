import type { Clock } from "@millrace/runtime";
import type { Broker } from "../broker/broker.ts";

const DELAY_MS = 50;
const DELAY_MS_MAX = 1_000;

/** Until the cluster has done it, or says why it will not. */
export async function untilDone(
  clock: Clock,
  attempt: () => Promise<{ readonly kind: string; readonly reason?: string }>,
): Promise<void> {
  let delayMs = DELAY_MS;
  for (;;) {
    const outcome = await attempt();
    if (outcome.kind === "done") return;
    if (outcome.kind === "exists")
      throw new Error("the cluster has a stream of this name with other settings");
    if (outcome.kind === "refused") throw new Error(outcome.reason ?? "the cluster refuses a stream");
    await clock.sleep(delayMs);
    delayMs = Math.min(delayMs * 2, DELAY_MS_MAX);
  }
}

/** The newest sequence that the leader of a stream has; undefined when nobody has said so within the time limit. */
export async function lastSequenceOf(
  broker: Broker,
  clock: Clock,
  stream: string,
  withinMs: number,
  isClosed: () => boolean,
): Promise<number | undefined> {
  const giveUpAtMs = clock.monotonicMs() + withinMs;
  let delayMs = DELAY_MS;
  while (!isClosed()) {
    const described = await broker.describeStream(stream);
    if (described.kind === "stream") return described.stream.lastSequence;
    if (described.kind === "no-stream" || clock.monotonicMs() >= giveUpAtMs) return undefined;
    await clock.sleep(delayMs);
    delayMs = Math.min(delayMs * 2, DELAY_MS_MAX);
  }
  return undefined;
}
