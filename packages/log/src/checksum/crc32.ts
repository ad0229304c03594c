/**
 * CRC-32 (IEEE) of many bytes. The platform's goes byte by byte through tables; long texts are first divided down to 4,800 bytes
 * that have the same sum, four times as quick (see `divider.ts`).
 */
import { crc32 as platformCrc32 } from "node:zlib";
import { webAssembly } from "@millrace/runtime";
import { DISTANCES, divider, ROW_BYTES, ROWS_LEFT } from "./divider.ts";

/** Below it the division does not pay. */
const DIVIDED_BYTES_MIN = 32 * 1024;

const LEFT_BYTES = ROWS_LEFT * ROW_BYTES;
/** Bytes are brought here piece by piece, behind the last rows of the piece before: together they fit the processor's first cache. */
const PIECE_BYTES = 32 * 1024;
/** Rows of nothing: where a row that is not to be added lies. */
const ZEROS_START = 0;
const BEFORE_START = ZEROS_START + LEFT_BYTES;
const PIECE_START = BEFORE_START + LEFT_BYTES;
/** The rows that are left, with the bytes behind the last row. */
const LEFT_START = PIECE_START + PIECE_BYTES;
const MEMORY_PAGES = Math.ceil((LEFT_START + LEFT_BYTES + ROW_BYTES) / webAssembly.PAGE_BYTES);
const [FIRST, SECOND, THIRD, FOURTH] = DISTANCES.map((rows) => rows * ROW_BYTES) as [
  number,
  number,
  number,
  number,
];

let division: webAssembly.Instance | "none" | undefined;

/** The CRC-32 of `bytes`, as the platform computes it. */
export function crc32(bytes: Buffer): number {
  if (bytes.length < DIVIDED_BYTES_MIN) return platformCrc32(bytes);
  division ??= webAssembly.instantiate(divider(MEMORY_PAGES)) ?? "none";
  return division === "none" ? platformCrc32(bytes) : dividedCrc32(division, bytes);
}

function dividedCrc32({ memory, run: divide }: webAssembly.Instance, bytes: Buffer): number {
  const rowsEnd = bytes.length - (bytes.length % ROW_BYTES);
  const dividedEnd = rowsEnd - LEFT_BYTES;
  memory.fill(0, BEFORE_START, PIECE_START);
  for (let at = 0; at < dividedEnd;) {
    const pieceBytes = Math.min(PIECE_BYTES, dividedEnd - at);
    bytes.copy(memory, PIECE_START, at, at + pieceBytes);
    if (at === 0) invert(memory, PIECE_START);
    divide(PIECE_START, PIECE_START + pieceBytes, FIRST, SECOND, THIRD, FOURTH);
    at += pieceBytes;
    memory.copyWithin(BEFORE_START, BEFORE_START + pieceBytes, PIECE_START + pieceBytes);
  }
  // To the last rows those before them are added, and they are not added to each other.
  bytes.copy(memory, LEFT_START, dividedEnd);
  for (const [from, to] of LEFT_PARTS) {
    const at = LEFT_START + from;
    const distances = [FIRST, SECOND, THIRD, FOURTH].map((distance) =>
      from < distance ? at - (PIECE_START + from - distance) : at - ZEROS_START,
    ) as [number, number, number, number];
    divide(at, LEFT_START + to, ...distances);
  }
  // The bits that a sum begins with were added to the first bytes: here it begins with none.
  return platformCrc32(memory.subarray(LEFT_START, LEFT_START + bytes.length - dividedEnd), NO_BITS);
}

/** Of what is left: the rows that all of the four are added to, those that three are, and so on. */
const LEFT_PARTS = [
  [0, FIRST],
  [FIRST, SECOND],
  [SECOND, THIRD],
  [THIRD, FOURTH],
] as const;

/** What the platform takes for a sum that begins with no bit set. */
const NO_BITS = 0xffff_ffff;

function invert(memory: Buffer, at: number): void {
  for (let byte = at; byte < at + 4; byte += 1) memory[byte]! ^= 0xff;
}
