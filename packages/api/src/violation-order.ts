/**
 * The orders in which the service names things, which are those of hash tables in Java.
 *
 * Members: a Java 7 `HashMap` of 16 buckets, keyed by the name with a small first letter, the newest of a
 * bucket first. It gives the order of thirteen of the sixteen structures of which AWS was seen to report several
 * members at once; the other three carry theirs in `reported`.
 *
 * Enumerations: 32 buckets by `String.hashCode`, the newest of a bucket first. It gives the recorded order
 * of the five iterator types, and of sixteen of the eighteen sets recorded from other services.
 */

import { stringHashCode } from "./java-text.ts";
import type { StructureShape } from "./shape.ts";

/** The members' names in the order in which their violations are reported. */
export function memberOrder(shape: StructureShape): readonly string[] {
  return shape.reported ?? inBuckets(Object.keys(shape.members), memberBucket);
}

/** The values of an enumeration in the order in which a violation lists them. */
export function valueSetOrder(values: readonly string[]): readonly string[] {
  return inBuckets(values, (value) => stringHashCode(value) & 31);
}

/** A member's name as it stands in a path: with a small first letter. */
export function memberName(key: string): string {
  return key.charAt(0).toLowerCase() + key.slice(1);
}

function memberBucket(key: string): number {
  let hash = stringHashCode(memberName(key));
  hash ^= (hash >>> 20) ^ (hash >>> 12);
  hash ^= (hash >>> 7) ^ (hash >>> 4);
  return hash & 15;
}

function inBuckets(names: readonly string[], bucketOf: (name: string) => number): readonly string[] {
  // The sort is stable, so names of one bucket stay reversed.
  return names.toReversed().toSorted((left, right) => bucketOf(left) - bucketOf(right));
}
