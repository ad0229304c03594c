import { seededRandom } from "@millrace/runtime";

export interface SampleRecord {
  readonly PartitionKey: string;
  readonly Data: Uint8Array;
}

/** Records as producers send them; the same ones for the same arguments. */
export function sampleRecords(count: number, recordBytes: number): SampleRecord[] {
  const random = seededRandom(count + recordBytes);
  return Array.from({ length: count }, () => ({
    PartitionKey: `key-${String(random.below(100_000_000)).padStart(8, "0")}`,
    Data: random.bytes(recordBytes),
  }));
}
