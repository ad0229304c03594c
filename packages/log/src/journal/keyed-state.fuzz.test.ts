import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { damaged, damageOf } from "../damaged-bytes.ts";
import { decodeChange, encodeChange, KeyedState, type CommittedChange } from "./keyed-state.ts";
import { ShardLogs } from "./shard-logs.ts";

fc.configureGlobal({
  seed: Number(process.env["FUZZ_SEED"] ?? 1),
  numRuns: Number(process.env["FUZZ_RUNS"] ?? 100),
});

const damages = fc.nat().map(damageOf);

const text = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("__proto__", "\ud800", "a\u2028"));
const count = fc.maxSafeNat();
const logId = fc.nat(9);
const change: fc.Arbitrary<CommittedChange> = fc.record(
  {
    revision: count,
    puts: fc.array(fc.tuple(text, text)),
    deletes: fc.array(text),
    opens: fc.array(logId),
    closes: fc.array(fc.tuple(logId, count)),
    trims: fc.array(fc.tuple(logId, count)),
    drops: fc.array(logId),
    segmentsAdded: fc.array(count),
    segmentsDropped: fc.array(count),
    holes: fc.array(fc.tuple(logId, count, count)),
  },
  { requiredKeys: ["revision"], noNullPrototype: true },
);
const members = [
  "revision",
  "puts",
  "deletes",
  "opens",
  "closes",
  "trims",
  "drops",
  "segmentsAdded",
  "segmentsDropped",
  "holes",
] as const satisfies readonly (keyof CommittedChange)[];

/** What is taken for a change can be applied, and written again. */
function expectUsable(decoded: CommittedChange | undefined): void {
  if (decoded === undefined) return;
  const state = new KeyedState();
  const logs = new ShardLogs();
  state.foresee(decoded);
  state.apply(decoded);
  logs.apply(decoded);
  expect(state.revision).toBe(decoded.revision);
  for (const [key, value] of state.values()) expect([typeof key, typeof value]).toEqual(["string", "string"]);
  for (const log of logs.values()) expect(Number.isSafeInteger(log.nextIndex)).toBe(true);
  expect(
    [...(decoded.segmentsAdded ?? []), ...(decoded.segmentsDropped ?? [])].every(Number.isSafeInteger),
  ).toBe(true);
  expect(decodeChange(encodeChange(decoded))).toEqual(decoded);
}

describe("state changes", () => {
  test("a change reads back as it was written", () => {
    fc.assert(
      fc.property(change, (written) => {
        expect(decodeChange(encodeChange(written))).toEqual(written);
        expectUsable(written);
      }),
    );
  });

  test("damaged bytes are no change, or one that can be applied", () => {
    fc.assert(
      fc.property(change, change, damages, (written, other, damage) => {
        expectUsable(decodeChange(damaged(encodeChange(written), damage, encodeChange(other))));
      }),
    );
  });

  test("a change with a member of another kind is none, or one that can be applied", () => {
    fc.assert(
      fc.property(change, fc.constantFrom(...members), fc.jsonValue(), (written, member, value) => {
        const altered = { ...written, [member]: value };
        expectUsable(decodeChange(Buffer.from(JSON.stringify(altered))));
        const within = { ...written, [member]: [value] };
        expectUsable(decodeChange(Buffer.from(JSON.stringify(within))));
        const deeper = { ...written, [member]: [[value, 1, 2].slice(0, member === "holes" ? 3 : 2)] };
        expectUsable(decodeChange(Buffer.from(JSON.stringify(deeper))));
      }),
    );
  });

  test("bytes and JSON of any kind are no change, or one that can be applied", () => {
    fc.assert(fc.property(fc.uint8Array(), (bytes) => expectUsable(decodeChange(Buffer.from(bytes)))));
    fc.assert(fc.property(fc.json(), (json) => expectUsable(decodeChange(Buffer.from(json)))));
    for (const json of ["", "null", "[]", "7", "{}", '{"revision":-1}', '{"revision":1e400}']) {
      expect(decodeChange(Buffer.from(json)), json).toBeUndefined();
    }
    expect(decodeChange(Buffer.from("[".repeat(100_000)))).toBeUndefined();
  });
});
