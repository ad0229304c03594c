/**
 * The small keyed state of the journal: what is durable, and the revisions that blocks in flight will
 * bring. Values leave this module only once they are durable.
 */
import type { StateChange, StateValue } from "../log-engine.ts";
import {
  isCount,
  isText,
  listOf,
  objectOf,
  optional,
  parseJson,
  tupleOf,
  type Check,
} from "./checked-json.ts";

/** A change as it stands in the journal: the caller's, plus what only the writer could decide. */
export interface CommittedChange {
  readonly revision: number;
  readonly puts?: readonly (readonly [key: string, value: string])[];
  readonly deletes?: readonly string[];
  readonly opens?: readonly number[];
  /** Closed logs, each with the index that its next entry would have got. */
  readonly closes?: readonly (readonly [logId: number, endIndex: number])[];
  readonly trims?: readonly (readonly [logId: number, index: number])[];
  readonly drops?: readonly number[];
  /** Segment files that came (salvaged) and went; files not accounted for are refused or removed. */
  readonly segmentsAdded?: readonly number[];
  readonly segmentsDropped?: readonly number[];
  /** Entries given up by a repair: `[logId, fromIndex, toIndex]`. */
  readonly holes?: readonly (readonly [logId: number, fromIndex: number, toIndex: number])[];
}

export class KeyedState {
  revision = 0;
  readonly #values = new Map<string, StateValue>();
  /** Revision that each key touched by a block in flight will have; 0 when it will be gone. */
  readonly #pending = new Map<string, { revision: number; changes: number }>();

  get(key: string): StateValue | undefined {
    return this.#values.get(key);
  }

  *list(prefix: string): IterableIterator<readonly [string, StateValue]> {
    const keys = [...this.#values.keys()].filter((key) => key.startsWith(prefix)).sort();
    for (const key of keys) {
      const value = this.#values.get(key);
      if (value !== undefined) yield [key, value];
    }
  }

  /** All keys in no particular order, for a snapshot. */
  entries(): IterableIterator<[string, StateValue]> {
    return this.#values.entries();
  }

  get size(): number {
    return this.#values.size;
  }

  /** A copy of all values without their revisions, for people to look at. */
  values(): Map<string, string> {
    return new Map([...this.#values].map(([key, { value }]) => [key, value]));
  }

  /** The first key that does not have the revision that `change` expects, blocks in flight included. */
  conflict(change: StateChange): string | undefined {
    for (const [key, revision] of change.expect ?? []) {
      const current = this.#pending.get(key)?.revision ?? this.#values.get(key)?.revision ?? 0;
      if (current !== revision) return key;
    }
    return undefined;
  }

  /** Makes the change visible to {@link conflict} before it is durable. */
  foresee(change: CommittedChange): void {
    for (const [key] of change.puts ?? []) this.#foreseeKey(key, change.revision);
    for (const key of change.deletes ?? []) this.#foreseeKey(key, 0);
  }

  #foreseeKey(key: string, revision: number): void {
    const pending = this.#pending.get(key);
    if (pending === undefined) this.#pending.set(key, { revision, changes: 1 });
    else {
      pending.revision = revision;
      pending.changes += 1;
    }
  }

  /** Makes a durable change visible to everybody. Applying one twice, in order, does no harm. */
  apply(change: CommittedChange): void {
    for (const [key, value] of change.puts ?? []) {
      this.#values.set(key, { value, revision: change.revision });
      this.#settleKey(key);
    }
    for (const key of change.deletes ?? []) {
      this.#values.delete(key);
      this.#settleKey(key);
    }
    this.revision = Math.max(this.revision, change.revision);
  }

  #settleKey(key: string): void {
    const pending = this.#pending.get(key);
    if (pending === undefined) return;
    pending.changes -= 1;
    if (pending.changes === 0) this.#pending.delete(key);
  }

  /** Puts a value back from a snapshot. */
  restore(key: string, value: StateValue): void {
    this.#values.set(key, value);
  }
}

export function encodeChange(change: CommittedChange): Buffer {
  return Buffer.from(JSON.stringify(change), "utf8");
}

/** Undefined when the bytes are no change. */
export function decodeChange(payload: Buffer): CommittedChange | undefined {
  const value = parseJson(payload.toString("utf8"));
  return isChange(value) ? (value as CommittedChange) : undefined;
}

const isChange = objectOf({
  revision: isCount,
  puts: optional(listOf(tupleOf(isText, isText))),
  deletes: optional(listOf(isText)),
  opens: optional(listOf(isCount)),
  closes: optional(listOf(tupleOf(isCount, isCount))),
  trims: optional(listOf(tupleOf(isCount, isCount))),
  drops: optional(listOf(isCount)),
  segmentsAdded: optional(listOf(isCount)),
  segmentsDropped: optional(listOf(isCount)),
  holes: optional(listOf(tupleOf(isCount, isCount, isCount))),
} satisfies Record<keyof CommittedChange, Check>);
