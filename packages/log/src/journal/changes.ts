/** State changes as they lie in a segment. */
import { readFully } from "./file-io.ts";
import type { Row } from "./footer.ts";
import { KIND_STATE, readEntry } from "./format.ts";
import { decodeChange, type CommittedChange } from "./keyed-state.ts";
import type { Segment } from "./segment.ts";

/** The state changes of one chunk; undefined when it is damaged. */
export async function readChanges(segment: Segment, row: Row): Promise<CommittedChange[] | undefined> {
  const bytes = await readFully(segment.file, row.offset, row.length);
  const changes: CommittedChange[] = [];
  let at = 0;
  for (let i = 0; i < row.entryCount; i += 1) {
    const entry = readEntry(bytes, at, bytes.length);
    if (entry === undefined || entry.kind !== KIND_STATE) return undefined;
    const change = decodeChange(entry.payload);
    if (change === undefined) return undefined;
    changes.push(change);
    at = entry.end;
  }
  return changes;
}
