import fc from "fast-check";
import { expect, test } from "vitest";
import { limitsInForce } from "../limits.ts";
import { ShardThrottle } from "./shard-throttle.ts";

const put = fc.record({
  afterMs: fc.nat(700),
  sizes: fc.array(fc.integer({ min: 1, max: 1_500 }), { minLength: 1, maxLength: 5 }),
});

test("records are admitted together only when each of them would be", () => {
  const limits = limitsInForce({ overrides: { shardWriteBytes: 3_000, shardWriteRecords: 7 } });
  fc.assert(
    fc.property(fc.array(put, { minLength: 1, maxLength: 30 }), (puts) => {
      const together = new ShardThrottle(limits);
      const alone = new ShardThrottle(limits);
      let nowMs = 0;
      for (const { afterMs, sizes } of puts) {
        nowMs += afterMs;
        const expected = sizes.map((sizeBytes) => alone.exceededByWrite(sizeBytes, nowMs));
        const bytes = sizes.reduce((sum, sizeBytes) => sum + sizeBytes, 0);
        const found = together.admitWrites(sizes.length, bytes, nowMs)
          ? sizes.map(() => undefined)
          : sizes.map((sizeBytes) => together.exceededByWrite(sizeBytes, nowMs));
        expect(found).toEqual(expected);
      }
    }),
  );
});
