import { kinesis } from "@millrace/api";
import { describe, expect, test } from "vitest";
import type { CallRate } from "./limits.ts";
import { callRates, callRatesInForce, limits, limitsInForce } from "./limits.ts";
import { serviceUnderTest } from "./service-under-test.ts";

type Name = keyof (typeof kinesis)["operations"];
const names = Object.keys(kinesis.operations) as Name[];
const rates = Object.entries(callRates).filter(
  (entry): entry is [Name, CallRate] => entry[1].scope !== "none",
);

const STREAM = "arn:aws:kinesis:us-east-1:123456789012:stream/s";

/**
 * A request for any operation, right or wrong in other ways, about stream s where the operation can name one:
 * rates are counted before an operation looks at what it is asked.
 */
function requestFor(name: Name): object {
  const { members } = kinesis.operations[name].input;
  if ("StreamName" in members) return { StreamName: "s" };
  if ("StreamARN" in members) return { StreamARN: STREAM };
  if ("ResourceARN" in members) return { ResourceARN: STREAM };
  return {};
}

describe("call rates", () => {
  test("every operation has a rate, or a reason to have none", () => {
    expect(Object.keys(callRates).sort()).toEqual([...names].sort());
    for (const name of names) {
      const rate = callRates[name];
      if (rate.scope === "none") expect(rate.reason).not.toBe("");
      else expect(rate.perSecond).toBeGreaterThan(0);
    }
    expect(rates).toHaveLength(32);
  });

  test.each(rates)(
    "%s is admitted as often as its rate says in each second, not once more",
    async (name, { perSecond, scope }) => {
      const { clock, createStream, streams, caller } = await serviceUnderTest();
      await createStream("s", 1);
      // A whole second after the stream was created, for the rate of CreateStream.
      await clock.advance(940);
      const input = requestFor(name);
      const isNamed = Object.keys(input).length > 0;
      const isRefused = async (request: object, from = caller): Promise<boolean> => {
        const handler = streams.handlers[name] as (from: unknown, input: unknown) => Promise<unknown>;
        const outcome: unknown = await handler(from, request).catch((error: unknown) => error);
        const text = isNamed ? "stream s under account 123456789012" : "account 123456789012";
        return outcome instanceof Error && outcome.message === `Rate exceeded for ${text}.`;
      };
      for (let second = 0; second < 3; second += 1) {
        for (let call = 0; call < perSecond; call += 1) expect(await isRefused(input)).toBe(false);
        expect(await isRefused(input)).toBe(true);
        await clock.advance(999);
        expect(await isRefused(input)).toBe(true);
        await clock.advance(1);
      }
      for (let call = 0; call < perSecond; call += 1) await isRefused(input);
      // A stream's rate is shared by all who call it, an account's is its own.
      const other = { ...caller, accountId: "999999999999" };
      const byArn = scope === "stream" ? { StreamARN: STREAM } : input;
      expect(await isRefused(byArn, other)).toBe(scope === "stream");
    },
  );

  test("limits that are off lift them all", async () => {
    expect(callRatesInForce({ mode: "off" })).toEqual({});
    const { call } = await serviceUnderTest({ limits: { mode: "off" } });
    for (let turn = 0; turn < 100; turn += 1) await call("DescribeLimits", {});
  });

  test("an operation that has none cannot be given one", () => {
    expect(() => callRatesInForce({ callsPerSecond: { PutRecord: 5 } })).toThrow(RangeError);
  });
});

describe("limits", () => {
  test("have a unit and a source, and a value above 0", () => {
    for (const limit of Object.values(limits)) {
      expect(limit.unit).not.toBe("");
      expect(limit.source).not.toBe("");
      expect(limit.default).toBeGreaterThan(0);
    }
  });

  test("that are off are lifted, bounds excepted", () => {
    const inForce = limitsInForce({ mode: "off", overrides: { creatingStreams: 7 } });
    for (const [name, limit] of Object.entries(limits)) {
      const value = inForce[name as keyof typeof limits];
      if (name === "creatingStreams") expect(value).toBe(7);
      else expect(value).toBe(limit.kind === "bound" ? limit.default : Infinity);
    }
  });
});
