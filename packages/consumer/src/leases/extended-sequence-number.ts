/**
 * A place in a shard: a record, and a user record in it. Checkpoints are such places, or one of four words
 * that stand in the place of a sequence number.
 */
export interface ExtendedSequenceNumber {
  /** Decimal digits; or `TRIM_HORIZON`, `LATEST`, `AT_TIMESTAMP`, `SHARD_END`. */
  readonly sequenceNumber: string;
  /** The index of a user record in its aggregated record; 0 for a record that is not aggregated. */
  readonly subSequenceNumber: number;
}

/** From the oldest record on that there is. */
export const TRIM_HORIZON: ExtendedSequenceNumber = word("TRIM_HORIZON");
/** From what comes after the moment at which reading begins. */
export const LATEST: ExtendedSequenceNumber = word("LATEST");
/** From a time on, which is the application's setting and not part of the lease. */
export const AT_TIMESTAMP: ExtendedSequenceNumber = word("AT_TIMESTAMP");
/** Everything in the shard was processed, and it is closed. */
export const SHARD_END: ExtendedSequenceNumber = word("SHARD_END");

function word(sequenceNumber: string): ExtendedSequenceNumber {
  return Object.freeze({ sequenceNumber, subSequenceNumber: 0 });
}

/** How the words stand to numbers. Source: the Kinesis Client Library's ExtendedSequenceNumber. */
const WORD_RANKS: { readonly [word: string]: number } = {
  AT_TIMESTAMP: -3,
  TRIM_HORIZON: -2,
  LATEST: -1,
  SHARD_END: 1,
};

/** Whether a place is a record, and not one of the words. */
export function isRecordPlace({ sequenceNumber }: ExtendedSequenceNumber): boolean {
  return WORD_RANKS[sequenceNumber] === undefined;
}

export function isShardEnd({ sequenceNumber }: ExtendedSequenceNumber): boolean {
  return sequenceNumber === SHARD_END.sequenceNumber;
}

/** Negative, zero or positive as `one` comes before, is, or comes after `other`. */
export function comparePlaces(one: ExtendedSequenceNumber, other: ExtendedSequenceNumber): number {
  const a = one.sequenceNumber;
  const b = other.sequenceNumber;
  if (a === b) return one.subSequenceNumber - other.subSequenceNumber;
  const ranks = (WORD_RANKS[a] ?? 0) - (WORD_RANKS[b] ?? 0);
  if (ranks !== 0) return ranks;
  // Two numbers without leading zeros: the longer is the greater, and those of one length compare as text.
  return a.length !== b.length ? a.length - b.length : a < b ? -1 : 1;
}

export function isSamePlace(one: ExtendedSequenceNumber, other: ExtendedSequenceNumber): boolean {
  return one.sequenceNumber === other.sequenceNumber && one.subSequenceNumber === other.subSequenceNumber;
}
