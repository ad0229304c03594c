import type { PurgeRequest, ReadRequest, StoredMessage } from "../broker/broker.ts";
import { subjectMatches } from "../broker/subject.ts";

/** One step of a stream's history. Every replica takes the same steps in the same order. */
export type LogOperation =
  | {
      readonly kind: "append";
      readonly messages: readonly StoredMessage[];
      /** Of each subject only this many are kept afterwards. */
      readonly messagesPerSubjectMax: number;
    }
  | { readonly kind: "purge"; readonly what: PurgeRequest };

/** What a message takes beside its subject and payload. */
const OVERHEAD_BYTES = 30;

export function storedBytesOf({ subject, payload }: { subject: string; payload: Uint8Array }): number {
  return OVERHEAD_BYTES + Buffer.byteLength(subject) + payload.byteLength;
}

/** A stream as one replica has it. */
export class StoredLog {
  #messages: StoredMessage[] = [];
  #lastSequence = 0;
  #storedBytes = 0;
  #appliedCount = 0;

  get lastSequence(): number {
    return this.#lastSequence;
  }

  get firstSequence(): number {
    return this.#messages[0]?.sequence ?? this.#lastSequence + 1;
  }

  get messageCount(): number {
    return this.#messages.length;
  }

  get storedBytes(): number {
    return this.#storedBytes;
  }

  /** How many steps of the history it has taken. */
  get appliedCount(): number {
    return this.#appliedCount;
  }

  /**
   * Takes the steps of a history that it has not taken yet, up to the first `count` of them. Returns how many messages
   * purges have forgotten on the way.
   */
  catchUp(history: readonly LogOperation[], count = history.length): number {
    let purgedCount = 0;
    while (this.#appliedCount < count) {
      const operation = history[this.#appliedCount] as LogOperation;
      if (operation.kind === "purge") purgedCount += this.#purge(operation.what);
      else for (const message of operation.messages) this.#append(message, operation.messagesPerSubjectMax);
      this.#appliedCount += 1;
    }
    return purgedCount;
  }

  #append(message: StoredMessage, messagesPerSubjectMax: number): void {
    this.#messages.push(message);
    this.#lastSequence = message.sequence;
    this.#storedBytes += storedBytesOf(message);
    if (messagesPerSubjectMax === Infinity) return;
    const same = this.#messages.filter(({ subject }) => subject === message.subject);
    const tooOld = new Set(same.slice(0, Math.max(0, same.length - messagesPerSubjectMax)));
    this.#forget((one) => tooOld.has(one));
  }

  #purge(what: PurgeRequest): number {
    const { belowSequence = Infinity } = what;
    return this.#forget(
      ({ sequence, subject }) =>
        sequence < belowSequence && (!("subject" in what) || subjectMatches(what.subject, subject)),
    );
  }

  #forget(isForgotten: (message: StoredMessage) => boolean): number {
    const before = this.#messages.length;
    this.#messages = this.#messages.filter((message) => {
      if (!isForgotten(message)) return true;
      this.#storedBytes -= storedBytesOf(message);
      return false;
    });
    return before - this.#messages.length;
  }

  /** Flips a bit of a message; tells whether it is there. */
  damage(sequence: number): boolean {
    const at = this.#indexOf(sequence);
    const message = this.#messages[at];
    if (message === undefined || message.sequence !== sequence) return false;
    const payload = Uint8Array.from(message.payload);
    payload[payload.length - 1]! ^= 1;
    this.#messages[at] = { ...message, payload };
    return true;
  }

  read({ fromSequence, subject, maxBytes, maxMessages }: ReadRequest): {
    messages: StoredMessage[];
    ended: boolean;
  } {
    const messages: StoredMessage[] = [];
    let bytes = 0;
    for (let at = this.#indexOf(fromSequence); at < this.#messages.length; at += 1) {
      const message = this.#messages[at] as StoredMessage;
      if (subject !== undefined && !subjectMatches(subject, message.subject)) continue;
      if (messages.length >= maxMessages || bytes >= maxBytes) return { messages, ended: false };
      messages.push(message);
      bytes += message.payload.byteLength + message.subject.length;
    }
    return { messages, ended: true };
  }

  lastOfSubject(subject: string): StoredMessage | undefined {
    return this.#messages.findLast((message) => message.subject === subject);
  }

  lastBySubjects(filters: readonly string[]): StoredMessage[] {
    const newest = new Map<string, StoredMessage>();
    for (const message of this.#messages) {
      if (filters.some((filter) => subjectMatches(filter, message.subject)))
        newest.set(message.subject, message);
    }
    return [...newest.values()].sort((one, other) => one.sequence - other.sequence);
  }

  /** Where the first message at or above a sequence stands. */
  #indexOf(sequence: number): number {
    let low = 0;
    let high = this.#messages.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#messages[middle] as StoredMessage).sequence < sequence) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
