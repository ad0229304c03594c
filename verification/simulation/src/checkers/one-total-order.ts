/**
 * Promise 2: a shard is one total order. Numbers go up, stand for one record for ever, and follow the order of
 * acknowledgements; a record is whole, and stands in one place only.
 */
import { BrokenPromise } from "../broken-promise.ts";
import type { Attempt, Ledger, ShardModel, StreamModel } from "../ledger.ts";
import { firstAtOrAbove } from "../ledger.ts";
import type { Checker } from "./events.ts";
import { liesBehind } from "./covered.ts";

const SEQUENCE_NUMBER = /^49\d{54}$/;

export function oneTotalOrder(ledger: Ledger): Checker {
  /** Where each attempt was seen. */
  const places = new Map<Attempt, { readonly shard: ShardModel; readonly sequenceNumber: string }>();

  function place(stream: StreamModel, shard: ShardModel, sequenceNumber: string, attempt: Attempt): void {
    if (!SEQUENCE_NUMBER.test(sequenceNumber)) throw broken(`${sequenceNumber} is no sequence number`);
    const known = shard.records.get(sequenceNumber);
    if (known !== undefined && known.attempt !== attempt) {
      throw broken(
        `${sequenceNumber} of ${stream.name}/${shard.shardId} was record ${known.attempt.id} and is now ${attempt.id}`,
      );
    }
    const before = places.get(attempt);
    if (before === undefined) {
      places.set(attempt, { shard, sequenceNumber });
    } else if (before.shard !== shard || before.sequenceNumber !== sequenceNumber) {
      throw broken(
        `record ${attempt.id} was put once and stands in ${before.shard.shardId} at ${before.sequenceNumber} ` +
          `and in ${stream.name}/${shard.shardId} at ${sequenceNumber}`,
      );
    }
  }

  return {
    name: "one-total-order",

    acknowledged({ stream, shard, attempt, sequenceNumber }) {
      place(stream, shard, sequenceNumber, attempt);
      // Everything known when the put began came before it; everything put after an acknowledgement comes behind.
      const { sorted } = shard;
      for (let at = firstAtOrAbove(sorted, sequenceNumber); at < sorted.length; at += 1) {
        const later = sorted[at];
        if (later !== undefined && later.attempt !== attempt && later.known.order < attempt.sent.order) {
          throw broken(
            `record ${attempt.id} got ${sequenceNumber}, but ${later.sequenceNumber} was known when it was put`,
          );
        }
      }
    },

    unreadable({ stream, shard, from }) {
      throw broken(
        `a torn record stands at ${from} of ${stream.name}/${shard.shardId}, which nobody was promised`,
      );
    },

    read({ stream, shard, cursor, records, received }) {
      let last = "";
      let lastArrivalMs = 0;
      for (const { sequenceNumber, arrivalMs, data, partitionKey } of records) {
        const attempt = ledger.attemptOf(data);
        if (attempt === undefined || attempt.streamName !== stream.name) {
          const start = Buffer.from(data.subarray(0, 40)).toString("latin1");
          throw broken(
            `a torn record: nobody put the ${data.length} bytes ${JSON.stringify(start)}… of ${sequenceNumber}`,
          );
        }
        if (partitionKey !== attempt.partitionKey) {
          throw broken(
            `record ${attempt.id} was put with key ${attempt.partitionKey} and has ${partitionKey}`,
          );
        }
        place(stream, shard, sequenceNumber, attempt);
        if (sequenceNumber <= last) throw broken(`${sequenceNumber} came behind ${last}`);
        if (arrivalMs < lastArrivalMs)
          throw broken(`${sequenceNumber} arrived before ${last}, in front of it`);
        if (arrivalMs > received.mostMs || arrivalMs < attempt.sent.leastMs) {
          throw broken(
            `record ${attempt.id} arrived at ${arrivalMs}, not between ${attempt.sent.leastMs} and ${received.mostMs}`,
          );
        }
        const known = shard.records.get(sequenceNumber);
        if (known !== undefined) {
          if (known.arrivalMs !== undefined && known.arrivalMs !== arrivalMs) {
            throw broken(`${sequenceNumber} arrived at ${known.arrivalMs} and now at ${arrivalMs}`);
          }
          if (liesBehind(cursor, { ...known, arrivalMs }) === "no") {
            throw broken(
              `${sequenceNumber}, which arrived at ${arrivalMs}, came although reading began at ${JSON.stringify(cursor)}`,
            );
          }
        }
        last = sequenceNumber;
        lastArrivalMs = arrivalMs;
      }
    },
  };
}

function broken(detail: string): BrokenPromise {
  return new BrokenPromise("one-total-order", detail);
}
