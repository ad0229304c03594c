import { createHash } from "node:crypto";

/** A digest of a set of records that does not depend on the order in which they come. */
export class RecordDigest {
  #sum = 0n;

  add(partitionKey: string, data: Uint8Array): void {
    this.#sum += createHash("md5").update(partitionKey).update("\0").update(data).digest().readBigUInt64LE();
  }

  /** Adds all that another one has. */
  addAll(other: RecordDigest): void {
    this.#sum += other.#sum;
  }

  toString(): string {
    return BigInt.asUintN(64, this.#sum).toString(16).padStart(16, "0");
  }
}

/** Adds up digests of parts, as {@link RecordDigest.toString} gives them. */
export function sumOfDigests(digests: readonly string[]): string {
  const sum = digests.reduce((total, digest) => total + BigInt(`0x${digest}`), 0n);
  return BigInt.asUintN(64, sum).toString(16).padStart(16, "0");
}
