import type { ShardLogId } from "./log-engine.ts";

/** Names a process among those that share a log engine. One that was started again has another. */
export type PeerId = string;

/**
 * The other processes that share an engine, for what is decided in one place only because that is quicker or more exact: the buckets
 * of limits, for instance. Nothing of a promise may depend on it, since two processes may each believe for a moment that a thing is theirs.
 *
 * Questions, answers and news are what JSON can hold. They may come from another version of this program, so whoever takes one
 * looks at its form.
 */
export interface Peers {
  /** Whom a log belongs to: the one that appends to it. Undefined when that is this process. */
  ownerOfLog(logId: ShardLogId): PeerId | undefined;

  /** Whom any other thing belongs to, by a key that names it. Undefined when that is this process. */
  ownerOfKey(key: string): PeerId | undefined;

  /**
   * Asks a process. Undefined when it does not answer soon: it is gone, too busy, or does not know the topic. It may have taken
   * the question nevertheless. It owns nothing then, until it is heard of again.
   */
  ask(peer: PeerId, topic: string, question: unknown): Promise<unknown>;

  /** Answers questions about a topic. One for which the handler throws gets no answer. */
  answer(topic: string, handler: (question: unknown) => unknown): () => void;

  /** Tells all others something. It may get lost. */
  tell(topic: string, news: unknown): void;

  /** Hears what others tell. The listener must not throw. */
  hear(topic: string, listener: (news: unknown) => void): () => void;
}
