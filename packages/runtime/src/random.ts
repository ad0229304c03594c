/** Chance as a value. Never a source of secrets: those come from {@link Secrets}. */
export interface Random {
  /** An integer in `[0, bound)`; `bound` is at most 2^32. */
  below(bound: number): number;
  /** A number in `[0, 1)`. */
  fraction(): number;
  bytes(count: number): Uint8Array;
}

/** Unpredictable bytes: keys, salts, tokens. */
export interface Secrets {
  bytes(count: number): Uint8Array;
}
