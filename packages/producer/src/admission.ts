interface Waiter {
  readonly sizeBytes: number;
  readonly admit: () => void;
  readonly refuse: (reason: unknown) => void;
}

/** The bound of everything that is queued or in flight, in bytes and in records; who finds it full waits in line. */
export class Admission {
  usedBytes = 0;
  usedCount = 0;
  readonly #bytesMax: number;
  readonly #countMax: number;
  readonly #waiters: Waiter[] = [];
  #whenEmpty: (() => void) | undefined;
  #isAdmitting = false;

  constructor(bytesMax: number, countMax: number) {
    this.#bytesMax = bytesMax;
    this.#countMax = countMax;
  }

  get waitingCount(): number {
    return this.#waiters.length;
  }

  /** Takes room for one record, unless there is none or others wait for it. */
  tryEnter(sizeBytes: number): boolean {
    return this.#waiters.length === 0 && this.#take(sizeBytes);
  }

  /** Takes room for all of them, or for none. */
  tryEnterAll(sizeBytes: number, count: number): boolean {
    if (this.#waiters.length > 0) return false;
    const fits = this.usedBytes + sizeBytes <= this.#bytesMax && this.usedCount + count <= this.#countMax;
    if (!fits && this.usedCount > 0) return false;
    this.usedBytes += sizeBytes;
    this.usedCount += count;
    return true;
  }

  /** Takes room for one record as soon as there is some; `admit` is called within the call that made it. */
  enter(sizeBytes: number, admit: () => void, refuse: (reason: unknown) => void): void {
    this.#waiters.push({ sizeBytes, admit, refuse });
    this.#admitWaiters();
  }

  leave(sizeBytes: number, count: number): void {
    this.usedBytes -= sizeBytes;
    this.usedCount -= count;
    this.#admitWaiters();
  }

  /** Sends those away who wait. */
  refuseWaiters(reason: unknown): void {
    for (const waiter of this.#waiters.splice(0)) waiter.refuse(reason);
    this.#admitWaiters();
  }

  /** Resolves when nothing is held and nobody waits. */
  empty(): Promise<void> {
    return new Promise((resolve) => {
      this.#whenEmpty = resolve;
      this.#admitWaiters();
    });
  }

  #admitWaiters(): void {
    // Whoever is admitted may leave at once or put again: those behind are not to overtake the ones before.
    if (this.#isAdmitting) return;
    this.#isAdmitting = true;
    let admittedCount = 0;
    const waiters = this.#waiters;
    for (let next = waiters[0]; next !== undefined; next = waiters[admittedCount]) {
      if (!this.#take(next.sizeBytes)) break;
      admittedCount += 1;
      next.admit();
    }
    waiters.splice(0, admittedCount);
    this.#isAdmitting = false;
    if (this.usedCount === 0 && waiters.length === 0) this.#whenEmpty?.();
  }

  /** A record larger than the whole bound enters when there is nothing else. */
  #take(sizeBytes: number): boolean {
    const fits = this.usedBytes + sizeBytes <= this.#bytesMax && this.usedCount < this.#countMax;
    if (!fits && this.usedCount > 0) return false;
    this.usedBytes += sizeBytes;
    this.usedCount += 1;
    return true;
  }
}
