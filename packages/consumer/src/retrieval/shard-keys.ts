import { HashKeyColumn, hashKeyHex, type HashKeyRange, type KeyReaders, parseHashKey } from "@millrace/model";

/** A partition key of records that were packed. */
export interface ShardKey {
  readonly text: string;
  readonly isOfShard: boolean;
}

export interface ShardHashKey {
  readonly text: string;
  /** Undefined when it is no hash key at all, and the partition key decides. */
  readonly isOfShard: boolean | undefined;
}

/** Rows of the column of hash keys: the one that is looked at, and the ends of the shard's range. */
const KEY = 0;
const START = 1;
const END = 2;
/** Keys come again: those that were seen lately are neither decoded nor hashed. A megabyte or two for each shard at most. */
const KNOWN_KEYS_MAX = 4_096;
const KNOWN_KEY_BYTES_MAX = 256;

/** Reads the keys of aggregated records, and tells which of them lie in a shard. */
export class ShardKeys implements KeyReaders<ShardKey, ShardHashKey> {
  /** Hashing keys is what they cost most, so it makes no string and no bigint for each. */
  readonly #hashKeys = new HashKeyColumn(3);
  /** By a digest of the bytes. Of two keys with the same one the later is known. */
  readonly #known = new Map<number, ShardKey>();

  constructor({ startingHashKey, endingHashKey }: HashKeyRange) {
    this.#hashKeys.set(START, hashKeyHex(startingHashKey));
    this.#hashKeys.set(END, hashKeyHex(endingHashKey));
  }

  partitionKey(bytes: Buffer, start: number, end: number): ShardKey {
    if (end - start > KNOWN_KEY_BYTES_MAX) return this.#read(bytes, start, end);
    const digest = digestOf(bytes, start, end);
    const known = this.#known.get(digest);
    if (known !== undefined && isAscii(known.text, bytes, start, end)) return known;
    const key = this.#read(bytes, start, end);
    // Only of ASCII bytes and characters are as many, so only such a key can be compared with bytes.
    if (key.text.length === end - start) {
      if (this.#known.size >= KNOWN_KEYS_MAX) this.#known.clear();
      this.#known.set(digest, key);
    }
    return key;
  }

  explicitHashKey(bytes: Buffer, start: number, end: number): ShardHashKey {
    const text = bytes.toString("latin1", start, end);
    const hashKey = parseHashKey(text);
    if (hashKey === undefined) return { text: bytes.toString("utf8", start, end), isOfShard: undefined };
    this.#hashKeys.set(KEY, hashKeyHex(hashKey));
    return { text, isOfShard: this.#isInRange() };
  }

  #read(bytes: Buffer, start: number, end: number): ShardKey {
    this.#hashKeys.place(KEY, bytes, start, end);
    return { text: bytes.toString("utf8", start, end), isOfShard: this.#isInRange() };
  }

  #isInRange(): boolean {
    return (
      !this.#hashKeys.isAbove(START, this.#hashKeys, KEY) && !this.#hashKeys.isAbove(KEY, this.#hashKeys, END)
    );
  }
}

/** FNV-1a of 32 bits. */
function digestOf(bytes: Uint8Array, start: number, end: number): number {
  let digest = 0x811c9dc5 | 0;
  for (let at = start; at < end; at += 1) digest = Math.imul(digest ^ bytes[at]!, 0x01000193);
  return digest;
}

/** Whether `bytes[start..end)` are the characters of a text. Never of a text beyond ASCII, unless that has as many bytes. */
function isAscii(text: string, bytes: Uint8Array, start: number, end: number): boolean {
  if (text.length !== end - start) return false;
  for (let at = 0; at < text.length; at += 1) if (text.charCodeAt(at) !== bytes[start + at]) return false;
  return true;
}
