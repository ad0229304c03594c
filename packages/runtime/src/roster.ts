/** What can stand in a {@link Roster}, in one at a time. */
export interface Enrolled {
  /** Where it stands; -1 while it stands in none. The roster's own to write. */
  place: number;
}

/**
 * Things that come and go quickly: connections, deadlines. A `Set` would do, but V8 makes a new table for it whenever places
 * have run out, and the old one points to the new one for as long as it lies in memory. After the first collection of the whole
 * heap it lies among what is old, so until the next one everything that was present at such a change is kept, and
 * copied there. Here what has left is pointed to by nothing.
 */
export class Roster<T extends Enrolled> {
  readonly #items: T[] = [];

  get size(): number {
    return this.#items.length;
  }

  add(item: T): void {
    item.place = this.#items.length;
    this.#items.push(item);
  }

  /** Whether it was there. The last one takes its place. */
  delete(item: T): boolean {
    const { place } = item;
    if (place < 0) return false;
    item.place = -1;
    const last = this.#items.pop() as T;
    if (last !== item) {
      last.place = place;
      this.#items[place] = last;
    }
    return true;
  }

  /** Those that `accept` says, in no order: they may leave while the answer is looked through. */
  filter(accept: (item: T) => boolean): T[] {
    return this.#items.filter(accept);
  }

  /** All of them, in no order: they may leave while the answer is looked through. */
  all(): T[] {
    return [...this.#items];
  }

  clear(): void {
    for (const item of this.#items) item.place = -1;
    this.#items.length = 0;
  }
}
