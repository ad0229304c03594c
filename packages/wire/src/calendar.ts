/**
 * The two ways in which HTTP and signatures write an instant. Pure arithmetic on milliseconds since
 * the epoch, in the proleptic Gregorian calendar, UTC.
 */

const dayMs = 86_400_000;
/** The epoch was a Thursday. */
const dayNames = "Thu Fri Sat Sun Mon Tue Wed".split(" ");
const monthNames = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

/**
 * As in the `Date` header (RFC 9110 §5.6.7).
 *
 * @example httpDate(1_440_938_160_000) === "Sun, 30 Aug 2015 12:36:00 GMT"
 */
export function httpDate(timeMs: number): string {
  const { year, month, day, hour, minute, second, dayNumber } = fieldsOf(timeMs);
  const dayName = dayNames[((dayNumber % 7) + 7) % 7];
  const date = `${two(day)} ${monthNames[month - 1]} ${four(year)}`;
  return `${dayName}, ${date} ${two(hour)}:${two(minute)}:${two(second)} GMT`;
}

/**
 * As in `X-Amz-Date`; its first eight characters are the date of a credential scope.
 *
 * @example amzDate(1_440_938_160_000) === "20150830T123600Z"
 */
export function amzDate(timeMs: number): string {
  const { year, month, day, hour, minute, second } = fieldsOf(timeMs);
  return `${four(year)}${two(month)}${two(day)}T${two(hour)}${two(minute)}${two(second)}Z`;
}

function fieldsOf(timeMs: number) {
  const dayNumber = Math.floor(timeMs / dayMs);
  const secondOfDay = Math.floor((timeMs - dayNumber * dayMs) / 1000);
  // Years are counted from 1 March 0000, so that a leap day is the last of its year and of its era of
  // 400 years (146,097 days).
  const shifted = dayNumber + 719_468;
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
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1,
    hour: Math.floor(secondOfDay / 3600),
    minute: Math.floor(secondOfDay / 60) % 60,
    second: secondOfDay % 60,
    dayNumber,
  };
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}

function four(value: number): string {
  return String(value).padStart(4, "0");
}
