import type { PutFailedError } from "./record.ts";

/** Counts the outcomes of records that somebody waits for together. */
export class PutGroup {
  /** The first ones. */
  readonly failures: PutFailedError[] = [];
  succeededCount = 0;
  failedCount = 0;
  #acceptedCount = 0;
  #finish: (() => void) | undefined;
  readonly #failuresKept: number;

  /** `failuresKept`: how many failures are remembered; the others are only counted. */
  constructor(failuresKept: number) {
    this.#failuresKept = failuresKept;
  }

  accepted(): void {
    this.#acceptedCount += 1;
  }

  succeeded(): void {
    this.succeededCount += 1;
    this.#finishIfDone();
  }

  failed(failure: PutFailedError): void {
    this.failedCount += 1;
    if (this.failures.length < this.#failuresKept) this.failures.push(failure);
    this.#finishIfDone();
  }

  /** Resolves when every accepted record has its outcome. Called once, after the last was accepted. */
  done(): Promise<void> {
    return new Promise((resolve) => {
      this.#finish = resolve;
      this.#finishIfDone();
    });
  }

  #finishIfDone(): void {
    if (this.succeededCount + this.failedCount === this.#acceptedCount) this.#finish?.();
  }
}
