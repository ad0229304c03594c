import type { TimerCallback } from "./timer-callback.ts";

/**
 * Pending timers, earliest first; timers that are due at the same time leave in the order in which they came.
 * A binary heap that knows where each timer sits, so that cancelling one leaves nothing behind.
 */
export interface QueuedTimer {
  readonly dueMs: number;
  /** Counts up with every timer of the queue. */
  readonly order: number;
  readonly callback: TimerCallback;
  /** Where the timer is in the heap; -1 once it has left. Belongs to the queue. */
  slot: number;
}

export class TimerQueue {
  readonly #heap: QueuedTimer[] = [];
  #nextOrder = 0;

  get size(): number {
    return this.#heap.length;
  }

  /** The order that the next timer will get. */
  get nextOrder(): number {
    return this.#nextOrder;
  }

  add(dueMs: number, callback: TimerCallback): QueuedTimer {
    const timer: QueuedTimer = { dueMs, order: this.#nextOrder, callback, slot: this.#heap.length };
    this.#nextOrder += 1;
    this.#heap.push(timer);
    this.#rise(timer);
    return timer;
  }

  /** The timer that is due first; it stays in the queue. */
  first(): QueuedTimer | undefined {
    return this.#heap[0];
  }

  /** Takes a timer out. Returns false when it had left before. */
  remove(timer: QueuedTimer): boolean {
    const slot = timer.slot;
    if (slot < 0) return false;
    timer.slot = -1;
    const last = this.#heap.pop() as QueuedTimer;
    if (last !== timer) {
      this.#place(last, slot);
      this.#rise(last);
      this.#sink(last);
    }
    return true;
  }

  #place(timer: QueuedTimer, slot: number): void {
    this.#heap[slot] = timer;
    timer.slot = slot;
  }

  #rise(timer: QueuedTimer): void {
    let slot = timer.slot;
    while (slot > 0) {
      const parent = this.#heap[(slot - 1) >> 1] as QueuedTimer;
      if (!before(timer, parent)) break;
      const parentSlot = parent.slot;
      this.#place(parent, slot);
      slot = parentSlot;
    }
    this.#place(timer, slot);
  }

  #sink(timer: QueuedTimer): void {
    let slot = timer.slot;
    for (;;) {
      const left = this.#heap[2 * slot + 1];
      if (left === undefined) break;
      const right = this.#heap[2 * slot + 2];
      const child = right !== undefined && before(right, left) ? right : left;
      if (!before(child, timer)) break;
      const childSlot = child.slot;
      this.#place(child, slot);
      slot = childSlot;
    }
    this.#place(timer, slot);
  }
}

function before(one: QueuedTimer, other: QueuedTimer): boolean {
  return one.dueMs < other.dueMs || (one.dueMs === other.dueMs && one.order < other.order);
}
