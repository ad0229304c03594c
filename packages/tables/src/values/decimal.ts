/**
 * DynamoDB's numbers: decimal, exact, up to 38 digits, from 1E-130 to 9.99…E+125 on both sides of zero.
 */

const DIGITS_MAX = 38;
const MAGNITUDE_MAX = 125;
const MAGNITUDE_MIN = -130;

/** `mantissa` × 10^`exponent`. The mantissa does not end in a zero; zero is 0 × 10^0. */
export interface Decimal {
  readonly mantissa: bigint;
  readonly exponent: number;
}

/** What is wrong with a number, in the service's words. */
export class DecimalFault extends Error {
  override readonly name = "DecimalFault";
}

const FORM = /^\s*([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,9}))?\s*$/;

/** @throws {DecimalFault} for what is no number, too large, too small, or too exact. */
export function parseDecimal(text: string): Decimal {
  // Longer texts can only be zeros around a number, which nobody writes.
  const match = text.length <= 1_000 ? FORM.exec(text) : null;
  const [, sign = "", whole = "", fraction = "", power = "0"] = match ?? [];
  if (match === null || whole + fraction === "") {
    throw new DecimalFault(`The parameter cannot be converted to a numeric value: ${text}`);
  }
  const magnitude = BigInt(whole + fraction);
  const mantissa = sign === "-" ? -magnitude : magnitude;
  return checked(normalized(mantissa, Number(power) - fraction.length));
}

/** @throws {DecimalFault} when the sum has more digits than a number may have. */
export function addDecimals(left: Decimal, right: Decimal): Decimal {
  const exponent = Math.min(left.exponent, right.exponent);
  return checked(normalized(scaled(left, exponent) + scaled(right, exponent), exponent));
}

/** @throws {DecimalFault} when the difference has more digits than a number may have. */
export function subtractDecimals(left: Decimal, right: Decimal): Decimal {
  return addDecimals(left, { mantissa: -right.mantissa, exponent: right.exponent });
}

/** Negative, zero or positive, as for `sort`. */
export function compareDecimals(left: Decimal, right: Decimal): number {
  const exponent = Math.min(left.exponent, right.exponent);
  const difference = scaled(left, exponent) - scaled(right, exponent);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/** The one text of a number: digits without an exponent, and no zeros that say nothing. */
export function decimalText({ mantissa, exponent }: Decimal): string {
  const sign = mantissa < 0n ? "-" : "";
  const digits = String(mantissa < 0n ? -mantissa : mantissa);
  if (exponent >= 0) return `${sign}${digits}${"0".repeat(exponent)}`;
  const padded = digits.padStart(1 - exponent, "0");
  return `${sign}${padded.slice(0, exponent)}.${padded.slice(exponent)}`;
}

/** How many digits the mantissa has, which is what storing it costs. */
export function digitCount({ mantissa }: Decimal): number {
  return String(mantissa < 0n ? -mantissa : mantissa).length;
}

function scaled({ mantissa, exponent }: Decimal, to: number): bigint {
  return mantissa * 10n ** BigInt(exponent - to);
}

function normalized(mantissa: bigint, exponent: number): Decimal {
  if (mantissa === 0n) return { mantissa: 0n, exponent: 0 };
  const digits = String(mantissa);
  const zeros = /0*$/.exec(digits)![0].length;
  return { mantissa: BigInt(digits.slice(0, digits.length - zeros)), exponent: exponent + zeros };
}

function checked(decimal: Decimal): Decimal {
  if (decimal.mantissa === 0n) return decimal;
  const digits = digitCount(decimal);
  const magnitude = digits - 1 + decimal.exponent;
  if (magnitude > MAGNITUDE_MAX) {
    throw new DecimalFault(
      "Number overflow. Attempting to store a number with magnitude larger than supported range",
    );
  }
  if (magnitude < MAGNITUDE_MIN) {
    throw new DecimalFault(
      "Number underflow. Attempting to store a number with magnitude smaller than supported range",
    );
  }
  if (digits > DIGITS_MAX) {
    throw new DecimalFault("Attempting to store more than 38 significant digits in a Number");
  }
  return decimal;
}
