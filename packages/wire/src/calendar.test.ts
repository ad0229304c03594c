import fc from "fast-check";
import { expect, test } from "vitest";
import { amzDate, httpDate } from "./index.ts";

test("an instant is written as HTTP and signatures write it", () => {
  expect(httpDate(1_440_938_160_000)).toBe("Sun, 30 Aug 2015 12:36:00 GMT");
  expect(amzDate(1_440_938_160_000)).toBe("20150830T123600Z");
  expect(httpDate(1_709_209_799_999)).toBe("Thu, 29 Feb 2024 12:29:59 GMT");
});

test("both agree with the platform's calendar from year 1 to 9999", () => {
  const from = -62_135_596_800_000;
  const to = 253_402_300_799_999;
  fc.assert(
    fc.property(fc.integer({ min: from, max: to }), (timeMs) => {
      const date = new Date(timeMs);
      expect(httpDate(timeMs)).toBe(date.toUTCString());
      expect(amzDate(timeMs)).toBe(date.toISOString().replace(/[-:]|\.\d+/g, ""));
    }),
    { numRuns: 2000 },
  );
});
