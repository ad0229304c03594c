import type { Deadline } from "./deadlines.ts";
import type { ListenerHost } from "./host.ts";

/** One piece's turn on its connection, asked for when there is a piece to be made. */
export interface Turn {
  /** Resolves when it has come; never, once it was ended. */
  readonly come: Promise<void>;
  /**
   * Gives it on, or leaves the line; calls after the first do nothing.
   *
   * @param written of the piece that was made in it, settles when the transport has drained it.
   */
  end(written?: Promise<void>): void;
}

/** Where streams do not share a connection, or a piece cannot be told from the wait for it. */
export const FREE_TURN: Turn = Object.freeze({ come: Promise.resolve(), end: () => {} });

/** How soon a connection that has not drained is looked at again if nothing else tells. */
const LOOK_AGAIN_MS = 100;

/**
 * The streams of one HTTP/2 session take turns to make and write their next pieces, first come, first served. A turn lasts
 * from before the piece is made until its bytes have gone to the socket; the next one comes when they have drained. So
 * at most one piece is made that the connection cannot take, however many streams share it.
 *
 * A piece that only its own stream's window holds back does not stop the others: the window of the connection and the
 * queue of the socket, which {@link isBehind} looks at, do not show it.
 */
export class Turns {
  readonly #host: ListenerHost;
  readonly #isBehind: () => boolean;
  readonly #line = new Set<() => void>();
  #isTaken = false;
  /** Pieces that were made in a turn and have not drained: behind the connection, or behind their own windows. */
  #undrainedCount = 0;
  #isLookDue = false;
  #lookAgain: Deadline | undefined;

  /** @param isBehind whether the connection has bytes that it cannot pass on, or could not pass on more. */
  constructor(host: ListenerHost, isBehind: () => boolean) {
    this.#host = host;
    this.#isBehind = isBehind;
  }

  /** Stands in line. */
  ask(): Turn {
    let begin = () => {};
    const come = new Promise<void>((resolve) => (begin = resolve));
    let isEnded = false;
    this.#line.add(begin);
    this.#lookNext();
    return {
      come,
      end: (written) => {
        if (isEnded) return;
        isEnded = true;
        if (!this.#line.delete(begin)) this.#giveOn(written);
      },
    };
  }

  /** Something was written out, so that the connection may have drained. */
  wrote(): void {
    this.#lookNext();
  }

  /** The session is closed. */
  close(): void {
    this.#lookAgain?.clear();
  }

  #giveOn(written: Promise<void> | undefined): void {
    let isGivenOn = false;
    const giveOn = () => {
      if (isGivenOn) return;
      isGivenOn = true;
      this.#isTaken = false;
      this.#lookNext();
    };
    if (written !== undefined) {
      this.#undrainedCount += 1;
      void written.then(() => {
        this.#undrainedCount -= 1;
        if (isGivenOn) this.#lookNext();
        else giveOn();
      });
    }
    // A session hands to its socket what was written to it before the event loop comes to the end of its turn, or, when
    // it was written at that end, before that of the next. What has not drained by then shows.
    const { clock } = this.#host;
    clock.soon(() => clock.soon(giveOn));
  }

  #lookNext(): void {
    if (this.#undrainedCount === 0) {
      this.#look();
      return;
    }
    if (this.#line.size === 0 || this.#isTaken || this.#isLookDue) return;
    this.#isLookDue = true;
    // Room that has come may be meant for a piece that waits for it: that one goes first, and shows then.
    this.#host.clock.soon(() => {
      this.#isLookDue = false;
      this.#look();
    });
  }

  #look(): void {
    if (this.#isTaken) return;
    const [first] = this.#line;
    if (first === undefined) return;
    // When everything that was made has drained, one piece more is the one that may be made beyond that.
    if (this.#undrainedCount > 0 && this.#isBehind()) {
      // A window that opens while nothing waits for it tells nobody.
      this.#lookAgain?.clear();
      this.#lookAgain = this.#host.deadlines.start(LOOK_AGAIN_MS, () => this.#look());
      return;
    }
    this.#line.delete(first);
    this.#isTaken = true;
    first();
  }
}
