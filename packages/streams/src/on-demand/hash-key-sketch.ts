/**
 * Where on the ring a shard's traffic lies, in bounded space: a fair sample of its bytes, each standing for the hash key
 * of the record that it belongs to. A key that carries a tenth of the traffic is a tenth of the sample.
 */
import type { HashKeyHex, HashKeyRange } from "@millrace/model";
import { hashKeyHex } from "@millrace/model";
import type { Random } from "@millrace/runtime";

const SAMPLES_MAX = 128;

/** Fewer samples than this say nothing. */
const SAMPLES_MIN = 32;

/** One byte in so many is looked at. */
const STEP_BYTES = 4_096;

/** A record weighs at least this: a shard takes a thousand records of it in a second, or a thousand smaller ones. */
const RECORD_WEIGHT_MIN = 1_049;

/** When one key has this share of the traffic, a split leaves one child about as hot as its parent. */
const ONE_KEY_SHARE_MAX = 0.8;

export class HashKeySketch {
  readonly #random: Random;
  /** A sample of equal chances for all bytes of the present minute. */
  #samples: HashKeyHex[] = [];
  #seen = 0;
  #bytesToNext = STEP_BYTES;
  /** The same of the last minute that had traffic enough; in order of the ring. */
  #finished: readonly HashKeyHex[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  note(hashKey: HashKeyHex, sizeBytes: number): void {
    this.#bytesToNext -= Math.max(sizeBytes, RECORD_WEIGHT_MIN);
    while (this.#bytesToNext <= 0) {
      this.#bytesToNext += STEP_BYTES;
      this.#seen += 1;
      if (this.#samples.length < SAMPLES_MAX) this.#samples.push(hashKey);
      else {
        const slot = this.#random.below(this.#seen);
        if (slot < SAMPLES_MAX) this.#samples[slot] = hashKey;
      }
    }
  }

  /** Takes what was sampled of the present minute, to be {@link note}d elsewhere. */
  takeSamples(): HashKeyHex[] {
    const samples = this.#samples;
    this.#samples = [];
    this.#seen = 0;
    return samples;
  }

  /** Ends a minute. */
  endMinute(): void {
    if (this.#samples.length >= SAMPLES_MIN) this.#finished = this.#samples.sort();
    this.#samples = [];
    this.#seen = 0;
  }

  /** Whether one key carries so much of the traffic that no split would help. */
  get isOneKey(): boolean {
    const samples = this.#finished;
    let longest = 0;
    let run = 0;
    for (const [index, hashKey] of samples.entries()) {
      run = hashKey === samples[index - 1] ? run + 1 : 1;
      longest = Math.max(longest, run);
    }
    return samples.length > 0 && longest >= samples.length * ONE_KEY_SHARE_MAX;
  }

  /** Where a split leaves half of the traffic on either side, or comes closest; undefined when too little is known. */
  median(): HashKeyHex | undefined {
    const samples = this.#finished;
    const middle = samples.length / 2;
    let best: number | undefined;
    for (let at = 1; at < samples.length; at += 1) {
      if (samples[at] === samples[at - 1]) continue;
      if (best === undefined || Math.abs(at - middle) < Math.abs(best - middle)) best = at;
    }
    if (best === undefined) return undefined;
    const below = BigInt(`0x${samples[best - 1]!}`);
    const above = BigInt(`0x${samples[best]!}`);
    return hashKeyHex(below + (above - below + 1n) / 2n);
  }

  /** The share of the traffic that fell into a range; undefined when too little is known. */
  shareOf({ startingHashKey, endingHashKey }: HashKeyRange): number | undefined {
    if (this.#finished.length === 0) return undefined;
    const from = hashKeyHex(startingHashKey);
    const to = hashKeyHex(endingHashKey);
    return (
      this.#finished.filter((hashKey) => from <= hashKey && hashKey <= to).length / this.#finished.length
    );
  }
}
