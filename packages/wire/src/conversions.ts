/**
 * How a value that was sent in one form becomes the one that the shape wants: the rules that JSON and
 * CBOR share. Sources: the texts and limits that kinesalite recorded against the service.
 */
import { SerializationFault } from "./serialization-fault.ts";

/** The years 1 to 9999: what every calendar that a client may use can hold. */
const instantMsMin = -62_135_596_800_000;
const instantMsMax = 253_402_300_799_999;

/** Up to here (the year 2039), seconds in a double still tell microseconds apart when taken times 1000. */
const microsecondsMsMax = 2 ** 41;

const integerMax = 2 ** 31 - 1;
const longMax = 2 ** 63;

/** Cuts the fraction off and clamps to the range of the type, as the service does. */
export function toInteger(value: number, kind: "integer" | "long"): number {
  const max = kind === "integer" ? integerMax : longMax;
  const min = kind === "integer" ? -integerMax - 1 : -longMax;
  // Adding zero turns -0 into 0, which would otherwise print as "-0" in some places and as "0" in others.
  return Math.min(Math.max(Math.trunc(value), min), max) + 0;
}

/**
 * Milliseconds since the epoch, clamped to the years 1 to 9999 and rounded to what the sender can have
 * meant: microseconds near today, milliseconds far from it.
 */
export function toInstantMs(milliseconds: number): number {
  const clamped = Math.min(Math.max(milliseconds, instantMsMin), instantMsMax);
  const precise = Math.abs(clamped) < microsecondsMsMax;
  return (precise ? Math.round(clamped * 1000) / 1000 : Math.round(clamped)) + 0;
}

const truths: Readonly<Record<string, boolean>> = {
  TRUE: true,
  YES: true,
  "1": true,
  FALSE: false,
  NO: false,
  "0": false,
};

/** The words that the service takes for a boolean; any other is quoted back in capitals. */
export function booleanOfText(text: string): boolean {
  const capitals = text.toUpperCase();
  const truth = Object.hasOwn(truths, capitals) ? truths[capitals] : undefined;
  if (truth === undefined) {
    throw new SerializationFault(`'${capitals}' can not be converted to an Boolean`);
  }
  return truth;
}
