import type { ShardLogId } from "./log-engine.ts";

/** Who wants to hear of which shard log, also of one that is not there yet. */
export class LogListeners {
  readonly #listeners = new Map<ShardLogId, Set<() => void>>();

  /** Returns how to stop it. */
  watch(logId: ShardLogId, listener: () => void): () => void {
    let listeners = this.#listeners.get(logId);
    if (listeners === undefined) this.#listeners.set(logId, (listeners = new Set()));
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(logId) === listeners) this.#listeners.delete(logId);
    };
  }

  notify(logId: ShardLogId): void {
    for (const listener of this.#listeners.get(logId) ?? []) listener();
  }
}
