/**
 * The content of one simulated file: what the page cache shows, and all that a power cut could leave of it.
 *
 * A drive writes a sector of 512 bytes whole or not at all; between two syncs it may write the sectors of a
 * file in any order, and each in any of the forms that it had since. So the cache keeps, for every sector that
 * is not durable, its earlier forms, the durable one first. Sizes are kept likewise.
 *
 * Every change has an order, a number that goes up over the whole disk.
 */
import type { Random } from "../random.ts";

export const SECTOR_BYTES = 512;

/** Space is taken from the disk in blocks. */
const BLOCK_BYTES = 4_096;

/** A sector that is not durable as the cache has it. */
interface DirtySector {
  /** Its forms before the present one, oldest first. The first is durable. */
  readonly earlier: SectorForm[];
  /** When it got its present form. */
  order: number;
  /** Forms up to this order were given up by a failed sync: the cache calls them clean, the drive has not got them. */
  lostOrder: number;
}

interface SectorForm {
  readonly order: number;
  readonly bytes: Uint8Array;
}

interface SizeForm {
  readonly order: number;
  readonly sizeBytes: number;
  /** The file became shorter: no sector past the cut may show an older form once this size is there. */
  readonly cut: boolean;
}

export class SimulatedInode {
  readonly #trackDurability: boolean;
  /** Zeros past the end of the file. */
  #bytes = new Uint8Array(0);
  #sizeBytes = 0;
  #dirty = new Map<number, DirtySector>();
  /** The durable size first, the present one last. */
  #sizes: SizeForm[] = [{ order: 0, sizeBytes: 0, cut: false }];
  #blocks = new Uint8Array(0);
  #blockCount = 0;

  /** How many names and open handles hold the file. Kept by the disk. */
  holders = 0;
  readonly number: number;
  modifiedMs = 0;

  /** Without `trackDurability` nothing is ever lost, and nothing is kept to lose it by. */
  constructor(number: number, trackDurability: boolean) {
    this.number = number;
    this.#trackDurability = trackDurability;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** What the file takes of the disk. */
  get takenBytes(): number {
    return this.#blockCount * BLOCK_BYTES;
  }

  /** The content as the cache has it. Shared: only for reading. */
  get content(): Uint8Array {
    return this.#bytes.subarray(0, this.#sizeBytes);
  }

  read(target: Uint8Array, position: number): number {
    const piece = this.#bytes.subarray(position, Math.min(this.#sizeBytes, position + target.length));
    target.set(piece);
    return piece.length;
  }

  /** How many of `length` bytes at `position` fit when the disk has `freeBytes` left. */
  fitting(position: number, length: number, freeBytes: number): number {
    let free = Math.floor(freeBytes / BLOCK_BYTES);
    for (
      let block = Math.floor(position / BLOCK_BYTES);
      block * BLOCK_BYTES < position + length;
      block += 1
    ) {
      if (this.#blocks[block] === 1) continue;
      if (free <= 0) return Math.max(0, block * BLOCK_BYTES - position);
      free -= 1;
    }
    return length;
  }

  write(source: Uint8Array, position: number, order: number): void {
    if (source.length === 0) return;
    const end = position + source.length;
    this.#reserve(end);
    this.#takeBlocks(position, end);
    this.#keepForms(position, end, order);
    this.#bytes.set(source, position);
    if (end > this.#sizeBytes) this.#setSize(end, order, false);
  }

  truncate(sizeBytes: number, order: number): void {
    if (sizeBytes < this.#sizeBytes) {
      this.#keepForms(sizeBytes, this.#sizeBytes, order);
      this.#bytes.fill(0, sizeBytes, this.#sizeBytes);
      this.#giveBlocksBack(sizeBytes);
      this.#setSize(sizeBytes, order, true);
    } else if (sizeBytes > this.#sizeBytes) {
      this.#reserve(sizeBytes);
      this.#setSize(sizeBytes, order, false);
    }
  }

  /** Makes durable what was written up to `order`. */
  sync(order: number): void {
    for (const [sector, dirty] of this.#dirty) this.#settleSector(sector, dirty, order);
    this.#settleSizes(order);
  }

  /** Makes durable what the sectors from `position` to `end` were up to `order`, and the size. */
  syncRange(position: number, end: number, order: number): void {
    for (let sector = Math.floor(position / SECTOR_BYTES); sector * SECTOR_BYTES < end; sector += 1) {
      const dirty = this.#dirty.get(sector);
      if (dirty !== undefined) this.#settleSector(sector, dirty, order);
    }
    this.#settleSizes(order);
  }

  /** A sync failed: what was written up to `order` stays in the cache, and no later sync writes it. */
  loseSync(order: number, position = 0, end = Infinity): void {
    for (const [sector, dirty] of this.#dirty) {
      if ((sector + 1) * SECTOR_BYTES > position && sector * SECTOR_BYTES < end) dirty.lostOrder = order;
    }
  }

  /** Flips the bits of `mask` in one byte, wherever that byte is kept. */
  corrupt(position: number, mask: number): void {
    this.#bytes[position] = (this.#bytes[position] as number) ^ mask;
    const within = position % SECTOR_BYTES;
    for (const { bytes } of this.#dirty.get(Math.floor(position / SECTOR_BYTES))?.earlier ?? []) {
      bytes[within] = (bytes[within] as number) ^ mask;
    }
  }

  /** Leaves what a power cut leaves: durable bytes, and of the others whatever chance decides. */
  cutPower(random: Random): void {
    const chosen = random.below(this.#sizes.length);
    const choose = choiceOfForms(random, this.#newestOrder());
    for (const [sector, dirty] of this.#dirty) {
      const forms = this.#possibleForms(sector, dirty, chosen);
      const form = forms[choose(forms)] as SectorForm;
      this.#bytes.set(form.bytes, sector * SECTOR_BYTES);
    }
    this.#sizeBytes = (this.#sizes[chosen] as SizeForm).sizeBytes;
    this.#bytes.fill(0, this.#sizeBytes);
    this.#dirty.clear();
    this.#sizes = [{ order: 0, sizeBytes: this.#sizeBytes, cut: false }];
    this.#giveBlocksBack(this.#sizeBytes);
  }

  /** The forms in which a sector may come out of a power cut that leaves the size at `chosen`. */
  #possibleForms(sector: number, dirty: DirtySector, chosen: number): SectorForm[] {
    let from = 0;
    let below = Infinity;
    for (const [index, size] of this.#sizes.entries()) {
      if (index === 0 || !size.cut || size.sizeBytes >= (sector + 1) * SECTOR_BYTES) continue;
      // A cut that is there has removed older forms; one that is not there took newer ones along.
      if (index <= chosen) from = size.order;
      else below = Math.min(below, size.order);
    }
    const start = sector * SECTOR_BYTES;
    const present = { order: dirty.order, bytes: this.#bytes.slice(start, start + SECTOR_BYTES) };
    const all = [...dirty.earlier, present];
    const possible = all.filter(({ order }) => order >= from && order < below);
    return possible.length > 0 ? possible : [all[0] as SectorForm];
  }

  #newestOrder(): number {
    let newest = 0;
    for (const { order } of this.#dirty.values()) newest = Math.max(newest, order);
    return newest;
  }

  #keepForms(position: number, end: number, order: number): void {
    if (!this.#trackDurability) return;
    for (let sector = Math.floor(position / SECTOR_BYTES); sector * SECTOR_BYTES < end; sector += 1) {
      const start = sector * SECTOR_BYTES;
      const bytes = this.#bytes.slice(start, start + SECTOR_BYTES);
      const dirty = this.#dirty.get(sector);
      if (dirty === undefined) {
        // The durable form counts as the newest before this change: a cut that is not durable yet either left
        // the sector dirty, and then it is not new here, or did not reach it.
        this.#dirty.set(sector, { earlier: [{ order: order - 1, bytes }], order, lostOrder: 0 });
      } else {
        dirty.earlier.push({ order: dirty.order, bytes });
        dirty.order = order;
      }
    }
  }

  #settleSector(sector: number, dirty: DirtySector, order: number): void {
    if (dirty.order <= order) {
      if (dirty.order > dirty.lostOrder) this.#dirty.delete(sector);
      return;
    }
    // The present form came after the sync began; the drive got the last one before it.
    const kept = dirty.earlier.findLastIndex((form) => form.order <= order && form.order > dirty.lostOrder);
    if (kept > 0) dirty.earlier.splice(0, kept);
  }

  #settleSizes(order: number): void {
    const kept = this.#sizes.findLastIndex((size) => size.order <= order);
    for (const { cut, order: cutOrder, sizeBytes } of this.#sizes.splice(0, kept)) {
      if (cut) this.#forgetBefore(cutOrder, sizeBytes);
    }
    const { cut, order: cutOrder, sizeBytes } = this.#sizes[0] as SizeForm;
    if (cut) this.#forgetBefore(cutOrder, sizeBytes);
  }

  /** A cut became durable: no sector behind it can show what it was before. */
  #forgetBefore(cutOrder: number, sizeBytes: number): void {
    for (const [sector, dirty] of this.#dirty) {
      if ((sector + 1) * SECTOR_BYTES <= sizeBytes) continue;
      const kept = dirty.earlier.findIndex((form) => form.order >= cutOrder);
      if (kept > 0) dirty.earlier.splice(0, kept);
      else if (kept < 0 && dirty.order === cutOrder) this.#dirty.delete(sector);
    }
  }

  #setSize(sizeBytes: number, order: number, cut: boolean): void {
    this.#sizeBytes = sizeBytes;
    if (!this.#trackDurability) return;
    this.#sizes.push({ order, sizeBytes, cut });
  }

  #reserve(end: number): void {
    if (end <= this.#bytes.length) return;
    // Whole blocks, so that every sector of a file lies within.
    const wanted = Math.max(end, this.#bytes.length * 2);
    const grown = new Uint8Array(Math.ceil(wanted / BLOCK_BYTES) * BLOCK_BYTES);
    grown.set(this.#bytes);
    this.#bytes = grown;
    const blocks = new Uint8Array(grown.length / BLOCK_BYTES);
    blocks.set(this.#blocks);
    this.#blocks = blocks;
  }

  #takeBlocks(position: number, end: number): void {
    for (let block = Math.floor(position / BLOCK_BYTES); block * BLOCK_BYTES < end; block += 1) {
      if (this.#blocks[block] === 0) {
        this.#blocks[block] = 1;
        this.#blockCount += 1;
      }
    }
  }

  #giveBlocksBack(sizeBytes: number): void {
    for (let block = Math.ceil(sizeBytes / BLOCK_BYTES); block < this.#blocks.length; block += 1) {
      if (this.#blocks[block] === 1) {
        this.#blocks[block] = 0;
        this.#blockCount -= 1;
      }
    }
  }
}

/**
 * How one power cut treats the sectors of one file. Choosing each sector alone would almost never lose or keep
 * a large write whole, or stop in the middle of one, so these have a chance of their own.
 */
function choiceOfForms(random: Random, newestOrder: number): (forms: readonly SectorForm[]) => number {
  switch (random.below(4)) {
    case 0:
      return () => 0;
    case 1:
      return (forms) => forms.length - 1;
    case 2: {
      const order = random.below(newestOrder + 1);
      return (forms) =>
        Math.max(
          0,
          forms.findLastIndex((form) => form.order <= order),
        );
    }
    default:
      return (forms) => random.below(forms.length);
  }
}
