/**
 * Cuts the power of a disk, as far as one machine can do that to itself.
 *
 * ```
 * server ── files of ──> ext4 "disk"  ── loop ──> disk.img, a file of ──> ext4 "platter" ── loop ──> platter.img
 *                        page cache: lost         drive cache: lost, kept, or in part               survives
 * ```
 *
 * The file system that the server writes to lives on a drive with a volatile write cache: the loop device
 * writes into `disk.img`, which is itself a file of a second file system, whose page cache is that write cache. A flush
 * of the upper file system (fsync, O_DSYNC) makes the loop device sync `disk.img`, which carries it down
 * into `platter.img`; everything else stays above.
 *
 * A cut stops the server with SIGSTOP and, without any sync, copies `platter.img` and `disk.img` while both
 * devices are proven quiet. The dirty pages of the upper file system are in neither copy. From the two
 * come three disks that a real cut could have left:
 *
 * - `flushed`: nothing of the drive's cache survived,
 * - `submitted`: all of it did,
 * - `mixed`: each sector of 512 bytes by chance, so that even one page may be torn.
 */
import {
  closeSync,
  copyFileSync,
  fsyncSync,
  openSync,
  readSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { Random } from "@millrace/runtime";
import { makeImage, mount, writeCount, type Mounted } from "./file-system.ts";
import { run } from "./probe.ts";

export type Survivor = "flushed" | "submitted" | "mixed";
export const SURVIVORS: readonly Survivor[] = ["flushed", "submitted", "mixed"];

const MIB = 1 << 20;
const SECTOR_BYTES = 512;
/** Written without any sync just before a cut. It must not survive in `flushed`, or the cut was none. */
const CANARY_BYTES = MIB;
const QUIET_ATTEMPTS_MAX = 30;

export interface Cut {
  /** Paths of the images of the disk. */
  readonly images: Readonly<Record<Survivor, string>>;
  /** Sectors that were in the drive's cache only. */
  readonly cachedSectors: number;
}

export class CuttableDisk {
  /** Where the server keeps its data. */
  readonly directory: string;
  readonly #scratch: string;
  readonly #platterImage: string;
  readonly #platter: Mounted;
  #disk: Mounted;

  constructor(scratch: string, sizeBytes: number) {
    this.#scratch = scratch;
    this.#platterImage = join(scratch, "platter.img");
    makeImage(this.#platterImage, sizeBytes + sizeBytes / 4 + 32 * MIB, false);
    this.#platter = mount(this.#platterImage, join(scratch, "platter"));
    makeImage(this.#diskImage, sizeBytes, true);
    run("sync", "-f", this.#diskImage);
    this.directory = join(scratch, "disk");
    this.#disk = mount(this.#diskImage, this.directory);
  }

  get #diskImage(): string {
    return join(this.#scratch, "platter", "disk.img");
  }

  /** Copies what a power cut would leave. The process has been stopped and does not run meanwhile. */
  cut(random: Random): Cut {
    const platterCopy = join(this.#scratch, "platter-copy.img");
    const images = {
      flushed: join(this.#scratch, "flushed.img"),
      submitted: join(this.#scratch, "submitted.img"),
      mixed: join(this.#scratch, "mixed.img"),
    };
    writeFileSync(join(this.directory, "canary"), random.bytes(CANARY_BYTES));
    for (let attempt = 1; ; attempt += 1) {
      const before = this.#writeCounts();
      run("cp", "--sparse=always", this.#platterImage, platterCopy);
      run("cp", "--sparse=always", this.#diskImage, images.submitted);
      // A write in between would have made copies of two moments into one disk that never was.
      if (this.#writeCounts() === before) break;
      if (attempt === QUIET_ATTEMPTS_MAX)
        throw new Error("the disk does not become quiet although the server is stopped");
    }
    // Mounting replays the journal of the file system, as the first mount after a cut does.
    const platter = mount(platterCopy, join(this.#scratch, "platter-copy"));
    run("cp", "--sparse=always", join(platter.directory, "disk.img"), images.flushed);
    platter.unmount();
    const cachedSectors = mix(images, random);
    return { images, cachedSectors };
  }

  #writeCounts(): string {
    return `${writeCount(this.#disk.device)} ${writeCount(this.#platter.device)}`;
  }

  /** Turns the power on again with what survived on the disk. Nothing may use the old one any more. */
  replace(image: string): void {
    this.#disk.unmount();
    overwrite(this.#diskImage, image);
    this.#disk = mount(this.#diskImage, this.directory);
  }
}

/** Whether what was written last, without any sync, is on a disk after all. */
export function hasCanary(mounted: Mounted): boolean {
  try {
    return statSync(join(mounted.directory, "canary")).size === CANARY_BYTES;
  } catch {
    return false;
  }
}

/** Writes in place: the blocks of `target` stay where they are. */
function overwrite(target: string, source: string): void {
  const from = openSync(source, "r");
  const to = openSync(target, "r+");
  const piece = Buffer.alloc(MIB);
  for (let at = 0; ;) {
    const count = readSync(from, piece, 0, piece.length, at);
    if (count === 0) break;
    writeSync(to, piece, 0, count, at);
    at += count;
  }
  fsyncSync(to);
  closeSync(from);
  closeSync(to);
}

/** Makes `mixed` of the two others, sector by sector. Returns in how many they differ. */
function mix({ flushed, submitted, mixed }: Cut["images"], random: Random): number {
  copyFileSync(flushed, mixed);
  const one = openSync(flushed, "r");
  const other = openSync(submitted, "r");
  const out = openSync(mixed, "r+");
  const pieces = [Buffer.alloc(MIB), Buffer.alloc(MIB)] as const;
  let differing = 0;
  for (let at = 0; ; at += MIB) {
    const count = readSync(one, pieces[0], 0, MIB, at);
    readSync(other, pieces[1], 0, MIB, at);
    if (count === 0) break;
    if (pieces[0].equals(pieces[1])) continue;
    for (let sector = 0; sector < count; sector += SECTOR_BYTES) {
      const kept = pieces[1].subarray(sector, sector + SECTOR_BYTES);
      if (kept.equals(pieces[0].subarray(sector, sector + SECTOR_BYTES))) continue;
      differing += 1;
      if (random.below(2) === 0) writeSync(out, kept, 0, kept.length, at + sector);
    }
  }
  closeSync(one);
  closeSync(other);
  closeSync(out);
  return differing;
}
