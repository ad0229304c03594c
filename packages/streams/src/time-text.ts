const DAYS = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"] as const;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"] as const;
const DAY_MS = 86_400_000;

/**
 * A time as the service prints it in messages, always in UTC.
 *
 * @example timeText(1421889722000) === "Thu Jan 22 01:22:02 UTC 2015"
 */
export function timeText(timeMs: number): string {
  const days = Math.floor(timeMs / DAY_MS);
  const seconds = Math.floor((timeMs - days * DAY_MS) / 1_000);
  const { year, month, day } = dateOf(days);
  const clock = [seconds / 3_600, (seconds / 60) % 60, seconds % 60].map(twoDigits).join(":");
  return `${DAYS[((days % 7) + 7) % 7]} ${MONTHS[month]} ${twoDigits(day)} ${clock} UTC ${year}`;
}

/** The Gregorian date of a day counted from 1 January 1970. Months count from 0. */
function dateOf(days: number): { year: number; month: number; day: number } {
  let year = 1970;
  let left = days;
  for (let length = yearLength(year); left >= length; length = yearLength(year)) {
    left -= length;
    year += 1;
  }
  let month = 0;
  for (let length = monthLength(year, month); left >= length; length = monthLength(year, month)) {
    left -= length;
    month += 1;
  }
  return { year, month, day: left + 1 };
}

function isLeap(year: number): boolean {
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
}

function yearLength(year: number): number {
  return isLeap(year) ? 366 : 365;
}

function monthLength(year: number, month: number): number {
  if (month === 1) return isLeap(year) ? 29 : 28;
  return month === 3 || month === 5 || month === 8 || month === 10 ? 30 : 31;
}

function twoDigits(value: number): string {
  return String(Math.floor(value)).padStart(2, "0");
}
