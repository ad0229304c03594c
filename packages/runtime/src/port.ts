/**
 * One end of a channel between two threads. Messages arrive at the other end in the order in which they were
 * posted, each once. They are copied (structured clone), except for shared memory, which both ends then see, and for
 * memory that is handed over.
 */
export interface Port {
  /** Sends a message. Memory in `handedOver` must lie in it, and cannot be used here any more. */
  post(message: unknown, handedOver?: readonly ArrayBuffer[]): void;
  /** Says who gets what arrives. Called once, before the first message is due. */
  receive(listener: (message: unknown) => void): void;
  /** Nothing is sent or received any more. */
  close(): void;
}

/** A thread that was started, as its starter sees it. */
export interface Thread {
  /** The starter's end of each channel that it asked for. */
  readonly ports: readonly Port[];
  /** Resolves when the thread has ended by itself or by {@link Thread.end}; the reason is undefined for the latter. */
  readonly ended: Promise<{ readonly cause: unknown } | undefined>;
  /** Ends it at once, whatever it is doing. Resolves when it is gone. */
  end(): Promise<void>;
}

/** What a thread finds when it begins. */
export interface ThreadStart<Data> {
  readonly data: Data;
  readonly ports: readonly Port[];
}
