import { createHash } from "node:crypto";

/** What of a record must be the same wherever a copy of it lies. */
export interface RecordToDigest {
  readonly sequenceNumber: string;
  /** Milliseconds since the epoch. */
  readonly arrivalMs: number;
  /** UTF-8; undefined or empty when the record has none. */
  readonly key: Uint8Array | undefined;
  readonly data: Uint8Array;
}

/**
 * A digest over records in order, by which two copies are compared without sending one to where the other lies: SHA-256 over
 * number, arrival and lengths as text, then the key and data of each.
 */
export class RecordDigest {
  readonly #hash = createHash("sha256");
  #count = 0;

  add({ sequenceNumber, arrivalMs, key, data }: RecordToDigest): void {
    this.#hash.update(`${sequenceNumber} ${arrivalMs} ${key?.length ?? 0} ${data.length}\n`);
    if (key !== undefined) this.#hash.update(key);
    this.#hash.update(data);
    this.#count += 1;
  }

  /** Ends it. */
  finish(): { readonly recordCount: number; readonly digest: string } {
    return { recordCount: this.#count, digest: this.#hash.digest("hex") };
  }
}
