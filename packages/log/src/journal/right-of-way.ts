/**
 * The right of way of commits: a disk works off what it is given in order, so a commit waits behind everything that
 * background work has given it. Such work goes piece by piece, and only so much for so much that is committed.
 */
export class RightOfWay {
  #isCommitting = false;
  #isAwaited = false;
  #committedBytes = 0;
  #waiting: { readonly untilBytes: number; readonly resolve: () => void }[] = [];

  /** Commits begin to follow each other. */
  began(): void {
    this.#isCommitting = true;
  }

  committed(bytes: number): void {
    this.#committedBytes += bytes;
    this.#wake((untilBytes) => untilBytes <= this.#committedBytes);
  }

  /** Nothing is left to commit. */
  ended(): void {
    this.#isCommitting = false;
    this.#wake(() => true);
  }

  /** Commits wait until `work` is done, so it need not give way. */
  async yield<Result>(work: Promise<Result>): Promise<Result> {
    this.#isAwaited = true;
    this.#wake(() => true);
    try {
      return await work;
    } finally {
      this.#isAwaited = false;
    }
  }

  /** Of all commits so far. */
  get committedBytes(): number {
    return this.#committedBytes;
  }

  /** Whether commits wait for background work. */
  get isAwaited(): boolean {
    return this.#isAwaited;
  }

  /** For background work: resolves when so much is committed in all, or at once while nobody has anything to commit. */
  give(untilBytes: number): Promise<void> {
    if (!this.#isCommitting || this.#isAwaited || untilBytes <= this.#committedBytes)
      return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting.push({ untilBytes, resolve });
    });
  }

  #wake(isDue: (untilBytes: number) => boolean): void {
    if (this.#waiting.length === 0) return;
    const due = this.#waiting.filter(({ untilBytes }) => isDue(untilBytes));
    this.#waiting = this.#waiting.filter(({ untilBytes }) => !isDue(untilBytes));
    for (const { resolve } of due) resolve();
  }
}
