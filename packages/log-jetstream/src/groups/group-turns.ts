import type { GroupLogOptions } from "./group-log-options.ts";
import type { Knowledge, Loan, WantedTurn } from "./wanted.ts";

export interface GroupTurnsOptions extends Pick<GroupLogOptions, "clock" | "takeTurn"> {
  /** What is known here, for somebody who knows the stream up to a sequence; undefined when it cannot be told. */
  readonly tell: (fromSequence: number) => Knowledge | undefined;
  /** Takes what another gateway knows; resolves to whether all of it is known here then. */
  readonly learn: (knowledge: Knowledge) => Promise<boolean>;
}

/** So long the next append may be somebody else's. Then it is made here, whatever has become of theirs: its condition keeps that safe. */
const LOAN_MS_MAX = 2_000;

/**
 * Gateways that take turns at the appends of a group: the owner says up to where it knows the stream, and waits until the other tells what it has
 * appended. Nobody reads what the other wrote, and nobody fails the other's condition. It is courtesy, and nothing depends on
 * it but speed: whoever is late finds its condition failed, as any rival does.
 */
export class GroupTurns {
  readonly #options: GroupTurnsOptions;
  #stopAsking: (() => void) | undefined;

  constructor(options: GroupTurnsOptions) {
    this.#options = options;
  }

  /** Whether another gateway is being asked for the next append. */
  get isAsking(): boolean {
    return this.#stopAsking !== undefined;
  }

  /** Waits for this gateway's turn, and knows then what the owner knows. Undefined when none is to be had. */
  async borrow(knownSequence: number): Promise<Loan | undefined> {
    const { takeTurn, learn } = this.#options;
    const stopped = new Promise<undefined>((resolve) => (this.#stopAsking = () => resolve(undefined)));
    const asked = takeTurn(knownSequence);
    const loan = await Promise.race([asked, stopped]);
    this.#stopAsking = undefined;
    if (loan === undefined) {
      void this.#returnLate(asked);
      return undefined;
    }
    if (await learn(loan.knowledge)) return loan;
    loan.giveBack(undefined);
    return undefined;
  }

  /** The turn is over. What has become of it is told where that is certain. */
  end(loan: Loan, isCertain: boolean): void {
    loan.giveBack(isCertain ? this.#options.tell(loan.knowledge.sequence) : undefined);
  }

  /** Does not wait any longer. */
  stopAsking(): void {
    this.#stopAsking?.();
  }

  /** Lets somebody else make the next append; resolves when it is this gateway's again. */
  async lend({ knownSequence, resolve }: WantedTurn): Promise<void> {
    const { clock, learn, tell } = this.#options;
    const knowledge = tell(knownSequence);
    if (knowledge === undefined) {
      resolve(undefined);
      return;
    }
    const back = await new Promise<Knowledge | undefined>((end) => {
      const patience = clock.schedule(LOAN_MS_MAX, () => end(undefined));
      const giveBack = (known: Knowledge | undefined): void => {
        patience.cancel();
        end(known);
      };
      resolve({ knowledge, giveBack });
    });
    if (back !== undefined) await learn(back);
  }

  async #returnLate(asked: Promise<Loan | undefined>): Promise<void> {
    (await asked)?.giveBack(undefined);
  }
}
