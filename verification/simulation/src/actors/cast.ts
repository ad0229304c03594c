/** What everybody in a history shares. */
import type { Random } from "@millrace/runtime";
import type { Ledger, ShardModel, StreamModel } from "../ledger.ts";
import type { Witness } from "../witness.ts";
import type { OperationName } from "../world/client.ts";
import type { Moment, World } from "../world/world.ts";

/** Why the server may answer that it failed, or end, or refuse to start: what was done to its disk, and when. */
export class Excuses {
  readonly #lives = new Map<Excuse, Set<number>>();
  /** The server refused to start on flipped bits, as it may: nothing more can be asked of it. */
  rotRefused = false;

  give(excuse: Excuse, life: number): void {
    const lives = this.#lives.get(excuse) ?? new Set();
    this.#lives.set(excuse, lives.add(life));
  }

  /** Whether it holds for anything that began in one life and ended in another, or in the same. */
  holds(excuse: Excuse, fromLife: number, toLife = fromLife): boolean {
    const lives = this.#lives.get(excuse);
    if (lives === undefined) return false;
    // Flipped bits stay flipped.
    if (excuse === "rot") return Math.min(...lives) <= toLife;
    return [...lives].some((life) => life >= fromLife && life <= toLife);
  }
}

export type Excuse = "full disk" | "failing disk" | "rot";

export interface Cast {
  readonly world: World;
  readonly ledger: Ledger;
  readonly witness: Witness;
  readonly excuses: Excuses;
  /** False while what survived a crash is being looked at: nobody else calls the server meanwhile. */
  isOpen: boolean;
}

/** Waits for one's turn. False when the history is over. */
export async function turn(cast: Cast, pauseMs: number): Promise<boolean> {
  const { world } = cast;
  await world.clock.sleep(pauseMs);
  while (!world.ended && (world.server === undefined || !cast.isOpen)) await world.clock.sleep(5);
  return !world.ended;
}

export function anyStream({ ledger }: Cast, random: Random): StreamModel | undefined {
  const streams = [...ledger.streams.values()];
  return streams.length === 0 ? undefined : streams[random.below(streams.length)];
}

/** The numbers in the message about damaged records. */
const DAMAGED = /from (\d{56}) up to, not including, (\d{56})/;

/** Reports a refusal to read because of damage for which there is no reason. */
export function reportUnreadable(
  { excuses, witness }: Cast,
  { code, message, sent, received }: Refusal,
  stream: StreamModel,
  shard: ShardModel,
): void {
  const [, from, to] = code === "InternalFailureException" ? (DAMAGED.exec(message) ?? []) : [];
  if (from === undefined || to === undefined) return;
  if (allExcuses.some((excuse) => excuses.holds(excuse, sent.life, received.life))) return;
  witness.unreadable({ stream, shard, from, to, received });
}

const allExcuses: readonly Excuse[] = ["full disk", "failing disk", "rot"];

export interface Refusal {
  readonly code: string;
  readonly message: string;
  readonly sent: Moment;
  readonly received: Moment;
}

/** An answer that nobody can explain. */
export class UnexpectedAnswer extends Error {
  override readonly name = "UnexpectedAnswer";
}

/**
 * Passes over refusals that the history explains.
 *
 * @throws {UnexpectedAnswer} for every other one.
 */
export function expectRefusal(
  { world, excuses }: Cast,
  operation: OperationName,
  { code, message, sent, received }: Refusal,
  stream: StreamModel | undefined,
  alsoExpected: readonly string[] = [],
): void {
  if (alsoExpected.includes(code)) return;
  switch (code) {
    case "ProvisionedThroughputExceededException":
    case "LimitExceededException":
      if (world.profile.limits === "aws") return;
      break;
    case "ResourceNotFoundException":
    case "InvalidArgumentException":
      // Numbers and iterators of a stream that was deleted mean nothing to the next one of its name.
      if (stream !== undefined && stream.doomedOrder <= received.order) return;
      break;
    case "InternalFailureException":
    case "InternalFailure":
      if (allExcuses.some((excuse) => excuses.holds(excuse, sent.life, received.life))) return;
      break;
  }
  throw new UnexpectedAnswer(
    `${operation} of ${stream?.name ?? "no stream"} was answered ${code}: ${message}`,
  );
}
