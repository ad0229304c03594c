/** Where an entry belongs that is copied from another log. */
export interface EntryPlace {
  readonly index: number;
  /** When it arrived there; whole service milliseconds. */
  readonly arrivalMs: number;
  /**
   * Shared by entries that belong one behind the other: when one of them is not stored, none behind it is. An index alone would let
   * one in behind somebody else's entry that has taken the place of the one before, and which may hold other records.
   */
  readonly run?: EntryRun;
}

/** Made for one run of entries, which begins whole. */
export interface EntryRun {
  /** The engine's to set. */
  isBroken: boolean;
}

/** Whether an entry may not have the index that it would get. For engines, which ask in the order of the appends. */
export function isMisplaced(place: EntryPlace | undefined, index: number): boolean {
  if (place === undefined) return false;
  const isWrong = place.index !== index || place.run?.isBroken === true;
  if (isWrong) breakRun(place);
  return isWrong;
}

/** For an entry that is not stored for another reason. */
export function breakRun(place: EntryPlace | undefined): void {
  if (place?.run !== undefined) place.run.isBroken = true;
}
