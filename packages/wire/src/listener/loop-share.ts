/**
 * How much of the bytes of large bodies is worked on in one turn of the event loop. Scanning a few megabytes takes as
 * long as thousands of small requests, and bodies become whole in the same turn by dozens: what came behind them, a refusal or
 * a health check above all, would wait for all of them.
 */
import type { Clock } from "@millrace/runtime";

/** One at least, whatever its size. Fewer make smaller blocks, which cost a tenth more processor time for each record. */
const TURN_BYTES = 8 * 1024 * 1024;
/** While there is more than can be held, being there for others is worth that. */
const PRESSED_TURN_BYTES = 1.5 * 1024 * 1024;
/**
 * The loop accepts one connection a turn (libuv 1.46), so that those of a hundred clients that come at once would wait for a
 * hundred large bodies. While connections come, so many turns go by without one.
 */
const ACCEPTING_TURNS_MAX = 4;

export class LoopShare {
  readonly #clock: Pick<Clock, "soon">;
  readonly #isPressed: () => boolean;
  #takenBytes = 0;
  #hasAccepted = false;
  #acceptingTurns = 0;
  readonly #waiting: { readonly bytes: number; readonly go: () => void }[] = [];

  /** @param isPressed whether bodies wait for memory. */
  constructor(clock: Pick<Clock, "soon">, isPressed: () => boolean) {
    this.#clock = clock;
    this.#isPressed = isPressed;
  }

  /** Undefined when a body of `bytes` may be worked on now; otherwise resolves, in order, when it may. */
  take(bytes: number): Promise<void> | undefined {
    if (this.#waiting.length > 0 || !this.#hasRoomFor(bytes))
      return new Promise((go) => void this.#waiting.push({ bytes, go }));
    if (this.#takenBytes === 0) this.#clock.soon(this.#nextTurn);
    this.#takenBytes += bytes;
    return undefined;
  }

  /** A connection was accepted, and others may stand behind it. */
  accepted(): void {
    this.#hasAccepted = true;
  }

  #hasRoomFor(bytes: number): boolean {
    if (this.#takenBytes === 0) return true;
    return this.#takenBytes + bytes <= (this.#isPressed() ? PRESSED_TURN_BYTES : TURN_BYTES);
  }

  readonly #nextTurn = (): void => {
    const isAccepting = this.#hasAccepted && this.#acceptingTurns < ACCEPTING_TURNS_MAX;
    this.#hasAccepted = false;
    if (isAccepting && this.#waiting.length > 0) {
      this.#acceptingTurns += 1;
      this.#clock.soon(this.#nextTurn);
      return;
    }
    this.#acceptingTurns = 0;
    this.#takenBytes = 0;
    for (;;) {
      const next = this.#waiting[0];
      if (next === undefined || !this.#hasRoomFor(next.bytes)) break;
      this.#waiting.shift();
      this.#takenBytes += next.bytes;
      next.go();
    }
    if (this.#takenBytes > 0) this.#clock.soon(this.#nextTurn);
  };
}
