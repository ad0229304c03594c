import type { Clock, Logger } from "@millrace/runtime";
import { entriesOf, isGivenUp } from "./check-segment.ts";
import { readFully, writeFully } from "./file-io.ts";
import type { Row } from "./footer.ts";
import { splitChunk } from "./reader.ts";
import type { Segment } from "./segment.ts";
import type { ShardLogs } from "./shard-logs.ts";

/** A chunk where it lies. */
export interface PlacedChunk {
  readonly segment: Segment;
  readonly row: Row;
}

export interface CopyOptions {
  readonly logs: ShardLogs;
  readonly clock: Clock;
  readonly log: Logger;
  /** 0: as fast as it goes. */
  readonly bytesPerSecond: number;
  /** Whether to stop: the journal closes. */
  readonly isOver: () => boolean;
}

/** Copied between two pauses. A pause for each chunk would take a timer, a millisecond at least, for a few kilobytes. */
const PACE_BYTES = 1 << 20;

/** Writes live chunks, in this order, to the end of a cold segment. False when that cannot be, and nothing of it counts. */
export async function copyChunks(
  chunks: readonly PlacedChunk[],
  cold: Segment,
  { logs, clock, log, bytesPerSecond, isOver }: CopyOptions,
): Promise<boolean> {
  let unpacedBytes = 0;
  for (const { segment, row } of chunks) {
    if (isOver()) return false;
    // It may have expired since, or its shard may be gone: many small chunks take their time.
    const trimIndex = logs.get(row.logId)?.trimIndex ?? Infinity;
    if (row.firstIndex + row.entryCount <= trimIndex) continue;
    const bytes = await readFully(segment.file, row.offset, row.length);
    if (splitChunk(bytes, row, true) === undefined) {
      if (isGivenUp(logs, entriesOf(row))) continue;
      // Damaged records stay where they are, and reads of them go on to say so.
      log.error("a segment cannot be salvaged: a chunk fails its checksum", {
        path: segment.path,
        offset: row.offset,
      });
      return false;
    }
    await writeFully(cold.file, bytes, cold.endOffset, false);
    cold.addRow({ ...row, offset: cold.endOffset });
    cold.endOffset += bytes.length;
    unpacedBytes += bytes.length;
    if (bytesPerSecond > 0 && unpacedBytes >= PACE_BYTES) {
      await clock.sleep((unpacedBytes / bytesPerSecond) * 1_000);
      unpacedBytes = 0;
    }
  }
  return true;
}
