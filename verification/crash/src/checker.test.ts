import { formatSequenceNumber, WHOLE_RING, splitRange } from "@millrace/model";
import { beforeEach, describe, expect, test } from "vitest";
import { check, type ShardReading } from "./checker.ts";
import { Ledger, type ReadRecord } from "./ledger.ts";
import { dataOf, keyOf, readPayload, type RecordName } from "./payload.ts";

const SHARD = "shardId-000000000000";
const numberOf = (entryIndex: number, recordIndex: number, shardIndex = 0, generation = 1_000) =>
  formatSequenceNumber({ generation, shardIndex, entryIndex, recordIndex });

/** One producer, three requests of two records each, all acknowledged by one shard. */
let ledger: Ledger;
let records: ReadRecord[];

function sendRequest(producer: number, entryIndex: number): ReadRecord[] {
  return ledger.send(producer, [100, 200]).map((name, recordIndex) => {
    const sequenceNumber = numberOf(entryIndex, recordIndex);
    ledger.acknowledge(name, SHARD, sequenceNumber, entryIndex);
    return { sequenceNumber, name, sizeBytes: ledger.sizeOf(name) ?? 0, arrivalMs: entryIndex };
  });
}

beforeEach(() => {
  ledger = new Ledger();
  const producer = ledger.newProducer();
  records = [1, 2, 3].flatMap((entryIndex) => sendRequest(producer, entryIndex));
});

function shard(changes: Partial<ShardReading> = {}): ShardReading {
  return {
    shardId: SHARD,
    range: WHOLE_RING,
    parents: [],
    endingSequenceNumber: undefined,
    ended: false,
    records,
    ...changes,
  };
}

const promisesBrokenBy = (...shards: ShardReading[]) => [
  ...new Set(check(ledger, { shards }).map(({ promise }) => promise)),
];
const without = (at: number, count = 1) => records.toSpliced(at, count);
const changed = (at: number, change: Partial<ReadRecord>) => records.with(at, { ...records[at]!, ...change });

describe("what is checked", () => {
  test("everything acknowledged, in order, keeps all promises", () => {
    expect(check(ledger, { shards: [shard()] })).toEqual([]);
  });

  test("more than was acknowledged keeps them too, if it was sent", () => {
    const names = ledger.send(0, [50]);
    const unanswered = { sequenceNumber: numberOf(4, 0), name: names[0]!, sizeBytes: 50, arrivalMs: 4 };
    expect(promisesBrokenBy(shard({ records: [...records, unanswered] }))).toEqual([]);
  });

  test("a lost tail breaks durability", () => {
    expect(promisesBrokenBy(shard({ records: without(4, 2) }))).toEqual(["acknowledged means durable"]);
  });

  test("a lost shard breaks durability", () => {
    expect(promisesBrokenBy()).toContain("acknowledged means durable");
  });

  test("a gap breaks order", () => {
    expect(promisesBrokenBy(shard({ records: without(2, 2) }))).toContain("a shard is one total order");
  });

  test("half of an entry is not whole", () => {
    expect(promisesBrokenBy(shard({ records: without(5) }))).toContain("records are whole");
  });

  test("a number that was given to something else breaks order", () => {
    const [other] = ledger.send(0, [100]);
    expect(promisesBrokenBy(shard({ records: changed(4, { name: other! }) }))).toContain(
      "a shard is one total order",
    );
  });

  test("a number acknowledged twice breaks order", () => {
    const [other] = ledger.send(0, [100]);
    ledger.acknowledge(other!, SHARD, records[0]!.sequenceNumber, 9);
    expect(promisesBrokenBy(shard())).toContain("a shard is one total order");
  });

  test("one record in two places breaks order", () => {
    const again = { ...records[0]!, sequenceNumber: numberOf(4, 0), arrivalMs: 4 };
    expect(promisesBrokenBy(shard({ records: [...records, again] }))).toContain("a shard is one total order");
  });

  test("requests of one producer in another order break order", () => {
    const swapped = [2, 3, 0, 1, 4, 5].map((from, at) => ({
      ...records[from]!,
      sequenceNumber: records[at]!.sequenceNumber,
      arrivalMs: 1,
    }));
    expect(promisesBrokenBy(shard({ records: swapped }))).toContain("a shard is one total order");
  });

  test("arrival that goes back breaks order", () => {
    expect(promisesBrokenBy(shard({ records: changed(3, { arrivalMs: 0 }) }))).toEqual([
      "a shard is one total order",
    ]);
  });

  test("what nobody sent, or is cut short, is not whole", () => {
    expect(promisesBrokenBy(shard({ records: changed(5, { name: { torn: "only 3 bytes" } }) }))).toContain(
      "records are whole",
    );
    expect(promisesBrokenBy(shard({ records: changed(5, { sizeBytes: 199 }) }))).toEqual([
      "records are whole",
    ]);
    const stranger = {
      sequenceNumber: numberOf(4, 0),
      name: { producer: 7, ordinal: 7 },
      sizeBytes: 50,
      arrivalMs: 4,
    };
    expect(promisesBrokenBy(shard({ records: [...records, stranger] }))).toEqual(["records are whole"]);
  });

  test("a record outside of its shard's range is in the wrong place", () => {
    const [lower] = splitRange(WHOLE_RING, 2n)!;
    expect(promisesBrokenBy(shard({ range: lower }))).toContain("records are whole");
  });

  test("what was read and is gone, or changed, was not durable", () => {
    ledger.seen.set(SHARD, records);
    expect(promisesBrokenBy(shard())).toEqual([]);
    expect(promisesBrokenBy(shard({ records: without(5) }))).toContain("readers see only durable data");
    expect(promisesBrokenBy(shard({ records: changed(5, { arrivalMs: 9 }) }))).toEqual([
      "readers see only durable data",
    ]);
  });

  test("a closed shard that is open again, ends elsewhere or goes on is not closed", () => {
    const endingSequenceNumber = numberOf(3, 1);
    ledger.close(SHARD, endingSequenceNumber, 10);
    const closed = shard({ endingSequenceNumber, ended: true });
    expect(promisesBrokenBy(closed)).toEqual([]);
    expect(promisesBrokenBy(shard())).toContain("a closed shard is closed");
    expect(promisesBrokenBy({ ...closed, ended: false })).toContain("a closed shard is closed");
    expect(promisesBrokenBy({ ...closed, endingSequenceNumber: numberOf(4, 0) })).toContain(
      "a closed shard is closed",
    );
    const late = {
      sequenceNumber: numberOf(4, 0),
      name: ledger.send(0, [50])[0]!,
      sizeBytes: 50,
      arrivalMs: 4,
    };
    expect(promisesBrokenBy({ ...closed, records: [...records, late] })).toContain(
      "a closed shard is closed",
    );
  });

  test("an acknowledgement after the close was seen breaks the close", () => {
    ledger.close(SHARD, numberOf(3, 1), 10);
    const [late] = ledger.send(0, [100]);
    ledger.acknowledge(late!, SHARD, numberOf(4, 0), 11);
    expect(promisesBrokenBy(shard({ endingSequenceNumber: numberOf(3, 1), ended: true }))).toContain(
      "a closed shard is closed",
    );
  });

  test("children are above their parents, which are closed", () => {
    const parent = shard({ endingSequenceNumber: numberOf(3, 1), ended: true });
    const name = ledger.send(0, [50])[0]!;
    const child = (generation: number): ShardReading =>
      shard({
        shardId: "shardId-000000000001",
        parents: [SHARD],
        records: [{ sequenceNumber: numberOf(1, 0, 1, generation), name, sizeBytes: 50, arrivalMs: 4 }],
      });
    expect(promisesBrokenBy(parent, child(1_001))).toEqual([]);
    expect(promisesBrokenBy(parent, child(999))).toContain("a shard is one total order");
    expect(promisesBrokenBy(shard(), child(1_001))).toContain("a closed shard is closed");
  });

  test("what was refused and is there after all was stored", () => {
    const [name] = ledger.send(0, [50]);
    ledger.refuse(name!);
    const record = { sequenceNumber: numberOf(4, 0), name: name!, sizeBytes: 50, arrivalMs: 4 };
    expect(promisesBrokenBy(shard({ records: [...records, record] }))).toEqual(["refused means not stored"]);
  });
});

describe("records prove themselves", () => {
  const name: RecordName = { producer: 3, ordinal: 41 };

  test("whole ones say who sent them", () => {
    expect(readPayload(dataOf(name, 5_000), keyOf(name))).toEqual(name);
  });

  test.each([0, 9, 15, 16, 4_999])("a changed byte %i is found", (at) => {
    const data = dataOf(name, 5_000);
    data.writeUInt8(data.readUInt8(at) ^ 1, at);
    expect(readPayload(data, keyOf(name))).toHaveProperty("torn");
  });

  test("a cut or lengthened one, and one under another key, is found", () => {
    const data = dataOf(name, 5_000);
    expect(readPayload(data.subarray(0, 4_999), keyOf(name))).toHaveProperty("torn");
    expect(readPayload(Buffer.concat([data, Buffer.alloc(1)]), keyOf(name))).toHaveProperty("torn");
    expect(readPayload(data.subarray(0, 3), keyOf(name))).toHaveProperty("torn");
    expect(readPayload(data, "3/42")).toHaveProperty("torn");
  });
});
