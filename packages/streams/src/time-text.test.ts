import fc from "fast-check";
import { expect, test } from "vitest";
import { timeText } from "./time-text.ts";

test("a time reads as in the service's messages", () => {
  expect(timeText(1_421_889_722_000)).toBe("Thu Jan 22 01:22:02 UTC 2015");
});

test("every time has the date that the calendar gives it", () => {
  fc.assert(
    fc.property(fc.date({ min: new Date(0), max: new Date("2200-01-01"), noInvalidDate: true }), (date) => {
      const [day, dayOfMonth, month, year, clock] = date.toUTCString().replace(",", "").split(" ");
      expect(timeText(date.getTime())).toBe(`${day} ${month} ${dayOfMonth} ${clock} UTC ${year}`);
    }),
  );
});
