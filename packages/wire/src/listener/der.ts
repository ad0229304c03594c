/** The few forms of ASN.1 DER (X.690) that a certificate is made of. Each function returns one encoded value. */

export function sequence(...values: readonly Uint8Array[]): Buffer {
  return tagged(0x30, ...values);
}

export function set(...values: readonly Uint8Array[]): Buffer {
  return tagged(0x31, ...values);
}

/** A positive INTEGER from big-endian bytes. */
export function integer(bigEndian: Uint8Array): Buffer {
  let start = 0;
  while (start < bigEndian.length - 1 && bigEndian[start] === 0) start += 1;
  const digits = bigEndian.subarray(start);
  // A leading one bit would make it negative.
  return (digits[0] ?? 0) >= 0x80 ? tagged(0x02, Buffer.of(0), digits) : tagged(0x02, digits);
}

export function boolean(value: boolean): Buffer {
  return tagged(0x01, Buffer.of(value ? 0xff : 0));
}

/** An OBJECT IDENTIFIER in dotted form, e.g. `2.5.4.3`. */
export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes: number[] = [];
  for (const arc of [first * 40 + second, ...rest]) {
    const groups = [arc & 0x7f];
    for (let left = arc >>> 7; left > 0; left >>>= 7) groups.unshift((left & 0x7f) | 0x80);
    bytes.push(...groups);
  }
  return tagged(0x06, Buffer.from(bytes));
}

export function utf8String(text: string): Buffer {
  return tagged(0x0c, Buffer.from(text, "utf8"));
}

export function octetString(bytes: Uint8Array): Buffer {
  return tagged(0x04, bytes);
}

/** A BIT STRING of whole bytes; `unusedBits` of the last one do not count. */
export function bitString(bytes: Uint8Array, unusedBits = 0): Buffer {
  return tagged(0x03, Buffer.of(unusedBits), bytes);
}

/** UTCTime up to 2049, GeneralizedTime from then on, as RFC 5280 §4.1.2.5 wants it. Milliseconds are dropped. */
export function time(epochMs: number): Buffer {
  const { year, text } = utcDigits(epochMs);
  return year < 2050
    ? tagged(0x17, Buffer.from(`${text.slice(2)}Z`, "latin1"))
    : tagged(0x18, Buffer.from(`${text}Z`, "latin1"));
}

/** `value` behind a context tag: constructed (`[n] EXPLICIT`, or holding other values) or a bare string of bytes. */
export function context(tag: number, value: Uint8Array, constructed = true): Buffer {
  return tagged((constructed ? 0xa0 : 0x80) | tag, value);
}

export function tagged(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  let length = 0;
  for (const part of contents) length += part.length;
  return Buffer.concat([Buffer.of(tag), lengthOctets(length), ...contents]);
}

function lengthOctets(length: number): Buffer {
  if (length < 0x80) return Buffer.of(length);
  const octets: number[] = [];
  for (let left = length; left > 0; left >>>= 8) octets.unshift(left & 0xff);
  return Buffer.of(0x80 | octets.length, ...octets);
}

const DAY_MS = 86_400_000;

/** The calendar in UTC by arithmetic (days from civil, inverted), since a `Date` would be read from outside. */
function utcDigits(epochMs: number): { year: number; text: string } {
  const days = Math.floor(epochMs / DAY_MS);
  const seconds = Math.floor((epochMs - days * DAY_MS) / 1000);
  // Years of this calendar begin in March, so that the leap day comes last. An era is 400 years.
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1;
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  const two = (value: number) => String(value).padStart(2, "0");
  const clock = two(Math.floor(seconds / 3600)) + two(Math.floor(seconds / 60) % 60) + two(seconds % 60);
  return { year, text: String(year).padStart(4, "0") + two(month) + two(day) + clock };
}
