import type { Clock } from "@millrace/runtime";
import type { Output } from "../world.ts";

/** What a person need not be told about. */
export const PATIENCE_MS = 1_000;
/** The same reason is told again after this long, so that it is seen to last. */
const REPEAT_MS = 10_000;

/** Says on standard error what the program waits for. */
export type TellWait = (reason: string) => void;

export function waitTeller({ errors, clock }: { readonly errors: Output; readonly clock: Clock }): TellWait {
  const toldMs = new Map<string, number>();
  return (reason) => {
    const nowMs = clock.monotonicMs();
    if (nowMs - (toldMs.get(reason) ?? -Infinity) < REPEAT_MS) return;
    toldMs.set(reason, nowMs);
    // A line of progress may stand there.
    errors.write(`${errors.isTerminal ? "\r\u001b[2K" : ""}waiting: ${reason}\n`);
  };
}

/** Runs `work`, and tells the reason when it takes longer than a second. */
export async function tellWhenSlow<T>(
  clock: Clock,
  tellWait: TellWait,
  reason: string,
  work: Promise<T>,
): Promise<T> {
  const timer = clock.schedule(PATIENCE_MS, () => tellWait(reason));
  try {
    return await work;
  } finally {
    timer.cancel();
  }
}
