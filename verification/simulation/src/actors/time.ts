/** Moves service time, so that iterators expire and retention ends within seconds. */
import { HOUR_MS } from "../ledger.ts";
import type { Cast } from "./cast.ts";
import { turn } from "./cast.ts";

const MINUTE_MS = 60_000;
/** A pass of retention runs each minute of service time, so time that is passed over is not free. */
const HOURS_MAX = 150;

export async function time(cast: Cast): Promise<void> {
  const { world } = cast;
  const random = world.part();
  let passedMs = 0;
  while (await turn(cast, 50 + random.below(700))) {
    const durationMs =
      world.profile.retention && random.below(2) === 0
        ? Math.floor(random.fraction() * 26 * HOUR_MS)
        : random.below(12 * MINUTE_MS);
    passedMs += durationMs;
    if (passedMs > HOURS_MAX * HOUR_MS) return;
    await world.advance(durationMs);
  }
}
