import { ServiceError } from "@millrace/api";
import { describe, expect, test } from "vitest";
import { mayTryAgain, outcomeOf, retryDelayMs } from "./retry.ts";
import { TransportError } from "./transport/transport.ts";

const chance = (fraction: number) => ({
  fraction: () => fraction,
  below: () => 0,
  bytes: () => new Uint8Array(),
});

describe("retry delays", () => {
  test("double with every attempt and are drawn from the whole range below", () => {
    expect([1, 2, 3].map((attempt) => retryDelayMs(attempt, "transient", chance(0.5)))).toEqual([
      50, 100, 200,
    ]);
    expect(retryDelayMs(5, "transient", chance(0))).toBe(0);
  });

  test("are longer after a throttle", () => {
    expect([1, 2, 3].map((attempt) => retryDelayMs(attempt, "throttled", chance(0.5)))).toEqual([
      250, 500, 1000,
    ]);
  });

  test("never pass twenty seconds", () => {
    expect(retryDelayMs(1_000, "throttled", chance(0.999))).toBeLessThan(20_000);
  });
});

describe("what may go away by itself", () => {
  test.each([
    [new ServiceError("ProvisionedThroughputExceededException", ""), "throttled"],
    [new ServiceError("Whatever", "", { status: 429 }), "throttled"],
    [
      new ServiceError(
        "LimitExceededException",
        "Rate exceeded for stream clicks under account 000000000000.",
      ),
      "called too often",
    ],
    [
      new ServiceError(
        "LimitExceededException",
        "UpdateShardCount cannot scale up over double your current open shard count. Current open shard count: 2, Target shard count: 8",
      ),
      "final",
    ],
    [
      new ServiceError("InternalFailureException", "The record could not be stored: the disk is full."),
      "lasting",
    ],
    [
      new ServiceError(
        "InternalFailureException",
        "Records of shardId-000000000000 from 1 up to, not including, 2 cannot be read: what the disk holds is damaged.",
      ),
      "lasting",
    ],
    [
      new ServiceError(
        "InternalFailureException",
        "Records of shardId-000000000000 from 1 up to, not including, 2 were lost to a damaged disk.",
      ),
      "lasting",
    ],
    [new ServiceError("InternalFailureException", ""), "transient"],
    [new ServiceError("Whatever", "", { status: 503 }), "transient"],
    [new TransportError("reset", undefined), "transient"],
    [new TransportError("refused", { code: "ECONNREFUSED" }), "refused"],
    [new TransportError("no such host", { code: "ENOTFOUND" }), "final"],
    [new TransportError("self-signed", { code: "DEPTH_ZERO_SELF_SIGNED_CERT" }), "final"],
    [new ServiceError("ResourceNotFoundException", ""), "final"],
    [new ServiceError("ExpiredIteratorException", ""), "final"],
    [new TypeError("a bug"), "final"],
  ])("%s is %s", (failure, outcome) => {
    expect(outcomeOf(failure)).toBe(outcome);
  });
});

test.each([
  ["throttled", 9],
  ["transient", 9],
  ["called too often", 3],
  ["refused", 2],
  ["lasting", 1],
  ["final", 0],
] as const)("what is %s is tried again at most %i times of ten attempts", (outcome, count) => {
  const again = Array.from({ length: 10 }, (_, at) => mayTryAgain(at + 1, 10, outcome));
  expect(again).toEqual(Array.from({ length: 10 }, (_, at) => at < count));
});
