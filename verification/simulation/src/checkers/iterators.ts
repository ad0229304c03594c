/**
 * An iterator lives for five minutes of service time, restarts included; belongs to one incarnation of a
 * stream; and cannot be forged.
 */
import { BrokenPromise } from "../broken-promise.ts";
import type { Ledger } from "../ledger.ts";
import type { Checker } from "./events.ts";

const LIFE_MS = 300_000;

export function iterators(ledger: Ledger): Checker {
  return {
    name: "iterators",

    iteratorUsed({ stream, madeAfter, madeBefore, forged, sent, received, answer }) {
      const code = answer.kind === "refused" ? answer.code : undefined;
      if (forged) {
        if (code !== "InvalidArgumentException")
          throw broken(`a forged iterator was answered ${code ?? "records"}`);
        return;
      }
      if (code === "InvalidArgumentException")
        throw broken("an iterator that was given out is called invalid");
      const isExpired = sent.leastMs - madeBefore.mostMs > LIFE_MS;
      const isFresh = received.mostMs - madeAfter.leastMs <= LIFE_MS;
      if (isExpired && code !== "ExpiredIteratorException") {
        throw broken(
          `an iterator was answered ${code ?? "records"} ${sent.leastMs - madeBefore.mostMs} ms after it was made`,
        );
      }
      if (isFresh && code === "ExpiredIteratorException") {
        throw broken(`an iterator expired after at most ${received.mostMs - madeAfter.leastMs} ms`);
      }
      if (
        code === undefined &&
        !ledger.isCurrent(stream) &&
        stream.deletedKnown !== undefined &&
        stream.deletedKnown.order < sent.order
      ) {
        throw broken(
          `an iterator of ${stream.name} as it was before it was deleted was answered with records`,
        );
      }
    },
  };
}

function broken(detail: string): BrokenPromise {
  return new BrokenPromise("iterators", detail);
}
