/** The promises that the simulation attacks: each has a checker of this name. */
export type CheckerName =
  | "acknowledged-is-durable"
  | "one-total-order"
  | "closed-is-closed"
  | "kept-until-retention-and-gone-after"
  | "faults-never-lose"
  | "routing"
  | "iterators";

/** A promise was broken: which one, and what was seen. */
export class BrokenPromise extends Error {
  override readonly name = "BrokenPromise";
  readonly checker: CheckerName;

  constructor(checker: CheckerName, detail: string) {
    super(`${checker}: ${detail}`);
    this.checker = checker;
  }
}
