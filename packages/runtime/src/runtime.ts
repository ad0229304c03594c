import type { Clock } from "./clock.ts";
import type { Files } from "./files.ts";
import type { Logger } from "./logger.ts";
import type { Random, Secrets } from "./random.ts";

/**
 * The outside, handed in. Services take what they need of it and touch nothing else, so that one seed
 * replays a whole history in simulation.
 */
export interface Runtime {
  /** Machine time. Service time is made from it where the server is put together. */
  readonly clock: Clock;
  readonly random: Random;
  readonly secrets: Secrets;
  readonly files: Files;
  readonly log: Logger;

  /**
   * Ends the process at once because going on could break a promise (a failed fsync, corrupt state).
   * In simulation the simulated process ends. Never returns normally to its caller's work.
   */
  readonly crash: (reason: string, cause?: unknown) => never;
}
