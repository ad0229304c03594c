/**
 * Reads a segment block by block, without its index: what recovery does with the unsealed tail and what
 * `data verify` does with everything. Blocks begin at multiples of 4,096 and carry the segment's random
 * salt, so the scan finds the next block behind a damaged one, and no record can pass for a block.
 */
import { readFully } from "./file-io.ts";
import type { Row } from "./footer.ts";
import {
  ALIGNMENT_BYTES,
  alignUp,
  BLOCK_HEADER_BYTES,
  entriesCrc,
  KIND_STATE,
  readBlockHeader,
  readEntry,
  SEGMENT_HEADER_BYTES,
  STATE_LOG_ID,
  type BlockHeader,
  type Entry,
} from "./format.ts";
import { decodeChange, type CommittedChange } from "./keyed-state.ts";
import type { Segment } from "./segment.ts";

const WINDOW_BYTES = 8 << 20;

export interface ScannedBlock {
  readonly header: BlockHeader;
  readonly offset: number;
  /** Whole pages that the block takes up. */
  readonly bytes: number;
  readonly rows: readonly Row[];
  readonly changes: readonly CommittedChange[];
}

/** A place that is neither an intact block nor the unused rest of the file, if anything follows it. */
export interface DamagedRegion {
  readonly fromOffset: number;
  /** Offset of the next intact block; undefined when there is none. */
  readonly toOffset: number | undefined;
}

export interface Scan {
  readonly blocks: readonly ScannedBlock[];
  readonly damaged: readonly DamagedRegion[];
  /** The region behind the last intact block holds something that is not zeros nor an old, salted block. */
  readonly tornTail: boolean;
}

/** Scans `[header, toOffset)` of a segment, as far as its file goes. */
export async function scanSegment(segment: Segment, toOffset: number): Promise<Scan> {
  const endOffset = Math.min(toOffset, segment.fileBytes);
  const window = new Window(segment, endOffset);
  const blocks: ScannedBlock[] = [];
  const damaged: DamagedRegion[] = [];
  let damagedFrom: number | undefined;
  let at = SEGMENT_HEADER_BYTES;
  while (at + BLOCK_HEADER_BYTES <= endOffset) {
    const block = await readBlock(window, at, segment.header.salt, endOffset);
    if (block === undefined) {
      damagedFrom ??= at;
      at += ALIGNMENT_BYTES;
      continue;
    }
    if (damagedFrom !== undefined) {
      damaged.push({ fromOffset: damagedFrom, toOffset: at });
      damagedFrom = undefined;
    }
    blocks.push(block);
    at += block.bytes;
  }
  const tornTail =
    damagedFrom !== undefined && (await hasBlockHeader(window, damagedFrom, segment.header.salt));
  return { blocks, damaged, tornTail };
}

/** True when a header with our salt stands there: a block was begun and did not get onto the disk whole. */
async function hasBlockHeader(window: Window, at: number, salt: bigint): Promise<boolean> {
  const bytes = await window.view(at, BLOCK_HEADER_BYTES);
  return bytes.length === BLOCK_HEADER_BYTES && readBlockHeader(bytes, 0, salt) !== undefined;
}

async function readBlock(
  window: Window,
  offset: number,
  salt: bigint,
  endOffset: number,
): Promise<ScannedBlock | undefined> {
  const head = await window.view(offset, BLOCK_HEADER_BYTES);
  const header = readBlockHeader(head, 0, salt);
  if (header === undefined) return undefined;
  const bytes = alignUp(BLOCK_HEADER_BYTES + header.length);
  if (offset + bytes > endOffset) return undefined;
  const block = await window.view(offset, BLOCK_HEADER_BYTES + header.length);
  const entries = parseEntries(block, header);
  if (entries === undefined) return undefined;
  const rows: Row[] = [];
  const changes: CommittedChange[] = [];
  let position = offset + BLOCK_HEADER_BYTES;
  for (const entry of entries) {
    const length = offset + entry.end - position;
    if (entry.kind === KIND_STATE) {
      const change = decodeChange(entry.payload);
      if (change === undefined) return undefined;
      changes.push(change);
    }
    const last = rows.at(-1);
    if (last?.logId === entry.logId && last.firstIndex + last.entryCount === entry.index) {
      rows[rows.length - 1] = {
        ...last,
        entryCount: last.entryCount + 1,
        lastArrivalMs: entry.arrivalMs,
        recordCount: last.recordCount + entry.recordCount,
        length: last.length + length,
      };
    } else {
      rows.push({
        logId: entry.logId,
        entryCount: 1,
        firstIndex: entry.index,
        firstArrivalMs: entry.arrivalMs,
        lastArrivalMs: entry.arrivalMs,
        recordCount: entry.recordCount,
        offset: position,
        length,
      });
    }
    position += length;
  }
  return { header, offset, bytes, rows, changes };
}

function parseEntries(block: Buffer, header: BlockHeader): Entry[] | undefined {
  if (block.length < BLOCK_HEADER_BYTES + header.length) return undefined;
  const entries: Entry[] = [];
  const crcs: number[] = [];
  let at = BLOCK_HEADER_BYTES;
  for (let i = 0; i < header.entryCount; i += 1) {
    const entry = readEntry(block, at, block.length);
    if (entry === undefined) return undefined;
    if (entry.kind === KIND_STATE && entry.logId !== STATE_LOG_ID) return undefined;
    entries.push(entry);
    crcs.push(entry.crc);
    at = entry.end;
  }
  if (at !== block.length || entriesCrc(crcs) !== header.entriesCrc) return undefined;
  return entries;
}

/**
 * Reads ahead, so that a scan of small blocks is not a read per block. Bounded by the largest block, and by
 * what remains to be scanned: many segments are much smaller than a window.
 */
class Window {
  readonly #segment: Segment;
  readonly #endOffset: number;
  #start = 0;
  #bytes: Buffer = Buffer.alloc(0);

  constructor(segment: Segment, endOffset: number) {
    this.#segment = segment;
    this.#endOffset = endOffset;
  }

  async view(offset: number, length: number): Promise<Buffer> {
    if (offset < this.#start || offset + length > this.#start + this.#bytes.length) {
      this.#start = offset;
      const bytes = Math.min(Math.max(length, WINDOW_BYTES), this.#endOffset - offset);
      this.#bytes = await readFully(this.#segment.file, offset, bytes);
    }
    return this.#bytes.subarray(offset - this.#start, offset - this.#start + length);
  }
}
