import fc from "fast-check";
import { expect, test } from "vitest";
import { PutGroup } from "./put-group.ts";
import { QueuedRecord } from "./record.ts";
import { RecordQueue } from "./record-queue.ts";

function recordOf(id: number): QueuedRecord {
  const record = new QueuedRecord("k", 1, undefined, new Uint8Array(id % 7));
  record.accept(id, 0, new PutGroup(0), undefined);
  return record;
}

test("whatever is taken and brought back, a queue gives its records in the order of acceptance", () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("push" as const), count: fc.integer({ min: 1, max: 5_000 }) }),
    fc.record({ kind: fc.constant("take" as const), count: fc.integer({ min: 1, max: 5_000 }) }),
    fc.record({ kind: fc.constant("restore" as const), count: fc.integer({ min: 1, max: 50 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      const queue = new RecordQueue();
      const taken: QueuedRecord[] = [];
      let inside: number[] = [];
      let nextId = 0;
      for (const { kind, count } of steps) {
        if (kind === "push") {
          for (let at = 0; at < count; at += 1) {
            inside.push(nextId);
            queue.push(recordOf(nextId));
            nextId += 1;
          }
        } else if (kind === "take") {
          for (let at = 0; at < count; at += 1) {
            expect(queue.first?.id).toBe(inside[at]);
            const record = queue.shift();
            expect(record?.id).toBe(inside[at]);
            if (record === undefined) break;
            taken.push(record);
          }
          inside = inside.slice(count);
        } else {
          // The last that were taken come back; sometimes others from before are still away.
          const back = taken.splice(-count).toReversed();
          queue.restore(back);
          inside = [...back.map(({ id }) => id), ...inside].toSorted((one, other) => one - other);
        }
        expect(queue.count).toBe(inside.length);
        expect(queue.sizeBytes).toBe(inside.reduce((sum, id) => sum + 1 + (id % 7), 0));
      }
      expect(queue.drain().map(({ id }) => id)).toEqual(inside);
      expect([queue.count, queue.sizeBytes, queue.first]).toEqual([0, 0, undefined]);
    }),
    { numRuns: 40 },
  );
});
