import type { OpenFile } from "@millrace/runtime";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { damaged, damageOf, flipsOf } from "../damaged-bytes.ts";
import {
  ALIGNMENT_BYTES,
  alignUp,
  BLOCK_HEADER_BYTES,
  encodeSegmentHeader,
  ENTRY_HEADER_BYTES,
  entriesCrc,
  KIND_RECORDS,
  KIND_STATE,
  SEGMENT_HEADER_BYTES,
  STATE_LOG_ID,
  writeBlockHeader,
  writeEntry,
} from "./format.ts";
import { encodeChange } from "./keyed-state.ts";
import { splitChunk } from "./reader.ts";
import { scanSegment, type Scan, type ScannedBlock } from "./scan.ts";
import { Segment } from "./segment.ts";

fc.configureGlobal({
  seed: Number(process.env["FUZZ_SEED"] ?? 1),
  numRuns: Number(process.env["FUZZ_RUNS"] ?? 40),
});

const damages = fc.nat().map(damageOf);
const flips = fc.nat().map(flipsOf);

const SALT = 0x1234_5678_9abc_def0n;
const HEADER = { kind: "journal", epoch: 1, salt: SALT, segmentNumber: 1, createdMs: 1 } as const;

interface Written {
  readonly changes: readonly string[];
  /** Payloads of each log's entries. */
  readonly chunks: readonly (readonly Uint8Array[])[];
}

const payload = fc.oneof(
  { weight: 8, arbitrary: fc.uint8Array({ maxLength: 200 }) },
  // Blocks of more than one page.
  { weight: 1, arbitrary: fc.nat(255).map((byte) => new Uint8Array(9000).fill(byte)) },
);
const segments = fc.array(
  fc.record({
    changes: fc.array(fc.string(), { maxLength: 2 }),
    chunks: fc.array(fc.array(payload, { minLength: 1, maxLength: 3 }), { maxLength: 3 }),
  }),
  { minLength: 1, maxLength: 6 },
);

/** A block as the writer lays it out: changes first, then the entries of each log side by side. */
function blockOf({ changes, chunks }: Written, commit: number): Buffer {
  const entries = [
    ...changes.map((value, i) => {
      const revision = commit * 10 + i;
      const bytes = encodeChange({ revision, puts: [["key", value]] });
      return { kind: KIND_STATE, logId: STATE_LOG_ID, index: revision, payload: bytes };
    }),
    ...chunks.flatMap((payloads, log) =>
      payloads.map((bytes, i) => {
        return { kind: KIND_RECORDS, logId: log + 1, index: commit * 10 + i, payload: bytes };
      }),
    ),
  ];
  const length = entries.reduce((sum, entry) => sum + ENTRY_HEADER_BYTES + entry.payload.length, 0);
  const block = Buffer.alloc(alignUp(BLOCK_HEADER_BYTES + length));
  let at = BLOCK_HEADER_BYTES;
  const crcs = entries.map(({ payload: bytes, ...header }) => {
    const crc = writeEntry(block, at, { ...header, recordCount: 1, arrivalMs: commit }, bytes);
    at += ENTRY_HEADER_BYTES + bytes.length;
    return crc;
  });
  writeBlockHeader(block, 0, {
    flags: 0,
    salt: SALT,
    commit,
    durableUpTo: commit - 1,
    epoch: 1,
    length,
    entryCount: entries.length,
    serviceMs: commit,
    entriesCrc: entriesCrc(crcs),
  });
  return block;
}

function segmentOf(written: readonly Written[], firstCommit = 1): Buffer {
  return Buffer.concat([
    encodeSegmentHeader(HEADER),
    ...written.map((block, i) => blockOf(block, firstCommit + i)),
    Buffer.alloc(2 * ALIGNMENT_BYTES),
  ]);
}

/** Scans bytes, and looks at how much is read and how often. */
async function scan(bytes: Buffer, toOffset = bytes.length): Promise<Scan> {
  let reads = 0;
  const file: Pick<OpenFile, "read"> = {
    read: (target, position) => {
      reads += 1;
      expect(position + target.length).toBeLessThanOrEqual(bytes.length);
      return Promise.resolve(bytes.subarray(position).copy(target));
    },
  };
  const segment = new Segment("the file", HEADER, file as OpenFile, bytes.length);
  const found = await scanSegment(segment, toOffset);
  expect(reads).toBeLessThanOrEqual(1);
  for (const block of found.blocks) {
    expect(block.offset % ALIGNMENT_BYTES).toBe(0);
    expect(block.offset + block.bytes).toBeLessThanOrEqual(bytes.length);
    for (const row of block.rows) {
      if (row.logId === STATE_LOG_ID) continue;
      const chunk = bytes.subarray(row.offset, row.offset + row.length);
      expect(splitChunk(chunk, row, true)).toHaveLength(row.entryCount);
    }
  }
  return found;
}

/** All that a block says, wherever it lies. */
function contentOf(bytes: Buffer, { header, offset, rows, changes }: ScannedBlock): string {
  const chunks = rows.map((row) => [
    { ...row, offset: row.offset - offset },
    bytes.toString("hex", row.offset, row.offset + row.length),
  ]);
  return JSON.stringify([{ ...header, salt: String(header.salt) }, chunks, changes]);
}

async function contentsOf(bytes: Buffer): Promise<string[]> {
  return (await scan(bytes)).blocks.map((block) => contentOf(bytes, block));
}

describe("scanning a segment", () => {
  test("finds every block that was written, with its changes and chunks, in one read of a small file", async () => {
    await fc.assert(
      fc.asyncProperty(segments, async (written) => {
        const bytes = segmentOf(written);
        const { blocks, damaged: regions, tornTail } = await scan(bytes);
        expect([regions, tornTail]).toEqual([[], false]);
        expect(blocks.map(({ header }) => header.commit)).toEqual(written.map((_, i) => i + 1));
        expect(blocks.map(({ changes }) => changes.map(({ puts }) => puts?.[0]?.[1]))).toEqual(
          written.map(({ changes }) => changes),
        );
        const payloads = blocks.map(({ rows }) =>
          rows
            .filter(({ logId }) => logId !== STATE_LOG_ID)
            .map((row) =>
              splitChunk(bytes.subarray(row.offset, row.offset + row.length), row, true)?.map((entry) =>
                Buffer.from(entry.payload).toString("hex"),
              ),
            ),
        );
        expect(payloads).toEqual(
          written.map(({ chunks }) =>
            chunks.map((chunk) => chunk.map((part) => Buffer.from(part).toString("hex"))),
          ),
        );
      }),
    );
  });

  test("finds all blocks but those with a flipped bit, and says where those are", async () => {
    await fc.assert(
      fc.asyncProperty(segments, flips, async (written, damage) => {
        const bytes = segmentOf(written);
        const { blocks } = await scan(bytes);
        const flipped = damaged(bytes, damage);
        const intact = blocks.filter(({ offset, header }) => {
          const end = offset + BLOCK_HEADER_BYTES + header.length;
          return bytes.subarray(offset, end).equals(flipped.subarray(offset, end));
        });
        const found = await scan(flipped);
        expect(found.blocks).toEqual(intact);
        const lost = blocks.filter((block) => !intact.includes(block));
        const last = intact.at(-1)?.offset ?? 0;
        for (const { offset } of lost.filter((block) => block.offset < last)) {
          const told = found.damaged.some(
            (region) => region.fromOffset <= offset && offset < region.toOffset!,
          );
          expect(told).toBe(true);
        }
      }),
    );
  });

  test("of damaged bytes finds no block that was not written", async () => {
    await fc.assert(
      fc.asyncProperty(segments, segments, damages, async (written, others, damage) => {
        const bytes = segmentOf(written);
        const donor = segmentOf(others, 100);
        const altered = damaged(bytes, damage, donor);
        const known = new Set([...(await contentsOf(bytes)), ...(await contentsOf(donor))]);
        for (const content of await contentsOf(altered)) expect(known.has(content)).toBe(true);
      }),
    );
  });

  test("takes no intact entries for those that were written with a block", async () => {
    await fc.assert(
      fc.asyncProperty(segments, async (written) => {
        const chunks = [...written[0]!.chunks, [new Uint8Array(9).fill(1)]];
        const others = chunks.map((chunk) => chunk.map((part) => part.map((byte) => byte ^ 1)));
        const bytes = segmentOf([{ ...written[0]!, chunks }, ...written.slice(1)]);
        const donor = segmentOf([{ ...written[0]!, chunks: others }]);
        const { blocks } = await scan(bytes);
        const { offset, header } = blocks[0]!;
        const from = offset + BLOCK_HEADER_BYTES;
        donor.copy(bytes, from, from, from + header.length);
        expect((await scan(bytes)).blocks).toEqual(blocks.slice(1));
      }),
    );
  });

  test("of bytes of any kind, in a file shorter than the range or not, finds no block", async () => {
    const content = fc.uint8Array({ maxLength: 300 });
    await fc.assert(
      fc.asyncProperty(content, fc.nat(20_000), fc.nat(20_000), async (bytes, length, beyond) => {
        const file = Buffer.alloc(length, 1);
        const at = Math.max(0, Math.min(SEGMENT_HEADER_BYTES, length - bytes.length));
        file.set(bytes.subarray(0, length), at);
        const nothing = { blocks: [], damaged: [], tornTail: false };
        expect(await scan(file)).toEqual(nothing);
        expect(await scan(file, length + beyond)).toEqual(nothing);
      }),
    );
  });

  test("a file cut short holds the blocks in front of the cut", async () => {
    await fc.assert(
      fc.asyncProperty(segments, fc.nat(), async (written, at) => {
        const bytes = segmentOf(written);
        const cut = bytes.subarray(0, SEGMENT_HEADER_BYTES + (at % (bytes.length - SEGMENT_HEADER_BYTES)));
        const { blocks } = await scan(bytes);
        const whole = blocks.filter((block) => block.offset + block.bytes <= cut.length);
        expect((await scan(cut)).blocks).toEqual(whole);
        expect((await scan(cut, bytes.length)).blocks.slice(0, whole.length)).toEqual(whole);
      }),
    );
  });
});
