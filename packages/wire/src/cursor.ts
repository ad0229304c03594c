/**
 * An iterator that tells waiting for the next item from making it. Whoever sends items can so wait for many at
 * once, and have one made when it can be sent: the streams of one connection take turns at `take()`.
 */
export interface Cursor<Item> extends AsyncIterator<Item, undefined> {
  /**
   * Resolves when there may be something to take: an item, the end, or a failure. It holds nothing of it. Items are
   * asked for when the last one has been sent, so this also gives back what that one held.
   */
  ready(): Promise<void>;
  /**
   * The next item or the end, without waiting for anything but its making; undefined when there is nothing after
   * all, and then `ready()` is asked again. Throws what `next()` would throw.
   */
  take(): Promise<IteratorResult<Item, undefined> | undefined>;
}

export function isCursor<Item>(iterator: AsyncIterator<Item>): iterator is Cursor<Item> {
  return "ready" in iterator && "take" in iterator;
}

/** What `next()` of a cursor is. */
export async function nextOf<Item>(
  cursor: Pick<Cursor<Item>, "ready" | "take">,
): Promise<IteratorResult<Item, undefined>> {
  for (;;) {
    await cursor.ready();
    const taken = await cursor.take();
    if (taken !== undefined) return taken;
  }
}
