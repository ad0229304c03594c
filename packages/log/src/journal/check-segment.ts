/** Reads every byte of a sealed segment and says what is not as it was written. */
import { readChanges } from "./changes.ts";
import { readFully } from "./file-io.ts";
import { sortRows, type Row } from "./footer.ts";
import { STATE_LOG_ID } from "./format.ts";
import { splitChunk } from "./reader.ts";
import { scanSegment } from "./scan.ts";
import { DamagedIndexError, PageCache, type Segment } from "./segment.ts";
import type { ShardLogs } from "./shard-logs.ts";
import type { Damage, MissingEntries } from "./survey.ts";

/** What is wrong with a sealed segment, but for entries that were given up or trimmed. */
export async function checkSealed(segment: Segment, logs: ShardLogs): Promise<Damage[]> {
  const rows = await allRows(segment);
  if (rows instanceof DamagedIndexError) {
    const given = (await entriesUnder(segment)).every((missing) => isGivenUp(logs, missing));
    return given ? [] : [{ path: segment.path, detail: rows.message }];
  }
  const damage: Damage[] = [];
  for (const row of await damagedRows(segment, rows)) {
    if (row.logId !== STATE_LOG_ID && isGivenUp(logs, entriesOf(row))) continue;
    const what = row.logId === STATE_LOG_ID ? "changes of the catalog" : `entries of log ${row.logId}`;
    damage.push({
      path: segment.path,
      detail: `${what}, ${row.firstIndex} to ${row.firstIndex + row.entryCount - 1}, fail their checksum`,
      ...(row.logId === STATE_LOG_ID ? {} : { entries: entriesOf(row) }),
    });
  }
  if (segment.header.kind === "journal") {
    const scan = await scanSegment(segment, segment.endOffset);
    const scanned = sortRows(scan.blocks.flatMap((block) => [...block.rows]));
    // A damaged block that the index does not speak of was given up by a repair; the others' chunks are reported.
    if (scan.damaged.length === 0 && JSON.stringify(scanned) !== JSON.stringify(rows)) {
      damage.push({ path: segment.path, detail: "the index does not agree with the blocks" });
    }
  }
  return damage;
}

/** Entries of a sealed segment that cannot be read, and that nobody has given up or trimmed. */
export async function unreadableEntries(segment: Segment, logs: ShardLogs): Promise<MissingEntries[]> {
  const rows = await allRows(segment);
  const entries =
    rows instanceof DamagedIndexError
      ? await entriesUnder(segment)
      : (await damagedRows(segment, rows)).filter(({ logId }) => logId !== STATE_LOG_ID).map(entriesOf);
  return entries.filter((missing) => !isGivenUp(logs, missing));
}

/** Whether entries are of no consequence: in a hole, trimmed, or of a log that is gone. */
export function isGivenUp(logs: ShardLogs, { logId, fromIndex, toIndex }: MissingEntries): boolean {
  const log = logs.get(logId);
  if (log === undefined || toIndex <= log.trimIndex) return true;
  return log.holes.some(
    (hole) => hole.fromIndex <= Math.max(fromIndex, log.trimIndex) && toIndex <= hole.toIndex,
  );
}

export function entriesOf(row: Row): MissingEntries {
  return { logId: row.logId, fromIndex: row.firstIndex, toIndex: row.firstIndex + row.entryCount };
}

async function damagedRows(segment: Segment, rows: readonly Row[]): Promise<Row[]> {
  const damaged: Row[] = [];
  for (const row of rows) {
    const intact =
      row.logId === STATE_LOG_ID
        ? (await readChanges(segment, row)) !== undefined
        : splitChunk(await readFully(segment.file, row.offset, row.length), row, true) !== undefined;
    if (!intact) damaged.push(row);
  }
  return damaged;
}

/** With an index page gone, all that the segment holds of any log counts as unreadable. */
async function entriesUnder(segment: Segment): Promise<MissingEntries[]> {
  return ((await segment.loadFooter()) ?? [])
    .filter(({ logId }) => logId !== STATE_LOG_ID)
    .map(({ logId, firstIndex, endIndex }) => ({ logId, fromIndex: firstIndex, toIndex: endIndex }));
}

async function allRows(segment: Segment): Promise<Row[] | DamagedIndexError> {
  const pages = new PageCache(1);
  const rows: Row[] = [];
  try {
    for (let i = 0; i < segment.rowCount; i += 1) rows.push(await segment.row(i, pages));
    return rows;
  } catch (error) {
    if (error instanceof DamagedIndexError) return error;
    throw error;
  }
}
