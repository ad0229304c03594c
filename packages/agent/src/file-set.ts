import { posix } from "node:path";
import type { Files, FileStatus, Logger } from "@millrace/runtime";
import type { FlowCheckpoint } from "./checkpoint-store.ts";
import { isMissing } from "./checkpoint-store.ts";
import { familyOf, type FilePattern, isCompressed, isGzip, isRotationOf } from "./file-pattern.ts";
import { anchorSize, readAnchor, readHead, type Source } from "./fingerprint.ts";
import { GunzippedFile } from "./gunzipped-file.ts";
import { newFile, TailedFile } from "./tailed-file.ts";

export interface FileSetOptions {
  readonly files: Files;
  readonly log: Logger;
  readonly pattern: FilePattern;
  readonly skipHeaderLines: number;
  /** Files that are there at the first look begin at their end. */
  readonly beginsAtEnd: boolean;
  /** What outlived its file is forgotten after this. */
  readonly checkpointLifeMs: number;
  readonly nowMs: () => number;
  readonly monotonicMs: () => number;
}

interface Seen extends FileStatus {
  readonly name: string;
  readonly path: string;
}

/** How long the rest of a file that has vanished is looked for, in copies and archives that may still be made. */
const SEARCH_MS = 10_000;
/** A file that is not at its own path any more and has not grown for this long is closed. */
const CLOSED_AFTER_MS = 60_000;

/**
 * The files of a flow, in the order in which their lines are put. It finds new ones, and knows old ones again: under
 * another name, as the copy that a rotation made before it cut the file, or compressed.
 */
export class FileSet {
  readonly #options: FileSetOptions;
  readonly #known: TailedFile[] = [];
  /** Copies and archives of what is known, as they were when they were compared. */
  #copies = new Set<string>();
  #isFirstLook: boolean;

  constructor(options: FileSetOptions, checkpoint: FlowCheckpoint | undefined) {
    this.#options = options;
    this.#isFirstLook = checkpoint === undefined;
    const nowMs = options.monotonicMs();
    for (const file of checkpoint?.files ?? []) this.#known.push(new TailedFile(file, nowMs));
  }

  get all(): readonly TailedFile[] {
    return this.#known;
  }

  /** Looks at the directory. */
  async refresh(): Promise<void> {
    const seen = await this.#look();
    const byId = new Map(seen.map((one) => [one.fileId, one]));
    await this.#dropUnread(byId);
    for (const file of this.#known) await this.#follow(file, byId);
    if (seen.some((one) => !this.#isClaimed(one.fileId))) {
      // What is new may be the copy of a file that was cut since it was read last.
      for (const file of this.#known.slice()) if (await file.isReplaced()) this.#beginAgain(file);
    }
    await this.#findLost(seen);
    const states = new Set(seen.map(stateOf));
    this.#copies = new Set([...this.#copies].filter((state) => states.has(state)));
    const fresh = seen
      .filter((one) => !this.#isClaimed(one.fileId) && this.#options.pattern.matches(one.name))
      // What is empty may be about to become a copy of something.
      .filter((one) => one.sizeBytes > 0 && !this.#copies.has(stateOf(one)))
      .sort(byAge);
    const names = new Set(seen.map(({ name }) => name));
    for (const one of fresh) {
      if (!isCompressed(one.name)) await this.#welcome(one, seen);
      // Beside what it is made from it is not finished yet.
      else if (isGzip(one.name) && !names.has(one.name.slice(0, -3))) await this.#welcomeArchive(one, seen);
    }
    this.#isFirstLook = false;
    await this.#forget();
  }

  /**
   * The file holds something else than before. What was not read yet may be in a copy, which is read in its place;
   * the file itself begins again.
   */
  async replaced(file: TailedFile): Promise<void> {
    this.#beginAgain(file);
    // It may have been cut more than once since the last look: what lies between comes first.
    await this.refresh();
  }

  async close(): Promise<void> {
    for (const file of this.#known) await file.close();
  }

  #beginAgain(file: TailedFile): void {
    const again = this.#new(file.path, file.fileId, file.family);
    again.source = file.source;
    again.rotatedMs = file.rotatedMs;
    this.#known.splice(this.#known.indexOf(file) + 1, 0, again);
    file.source = undefined;
    file.fileId = undefined;
    file.isStatic = true;
    file.rotatedMs ??= this.#options.monotonicMs();
    file.lostMs = this.#options.monotonicMs();
  }

  async #look(): Promise<Seen[]> {
    const { files, pattern } = this.#options;
    let names: string[];
    try {
      names = await files.list(pattern.directory);
    } catch (failure) {
      if (isMissing(failure)) return [];
      throw failure;
    }
    const families = new Set(this.#known.map(({ family }) => family));
    const seen: Seen[] = [];
    for (const name of names) {
      if (!pattern.matches(name) && ![...families].some((family) => isRotationOf(name, family))) continue;
      const path = posix.join(pattern.directory, name);
      try {
        const status = await files.status(path);
        if (!status.isDirectory) seen.push({ ...status, name, path });
      } catch (failure) {
        // It went away since the directory was read.
        if (!isMissing(failure)) throw failure;
      }
    }
    return seen;
  }

  /**
   * A file of which nothing was read is found anew: its number says nothing of its content, and what was rotated
   * since may come before it.
   */
  async #dropUnread(byId: ReadonlyMap<string, Seen>): Promise<void> {
    for (const file of this.#known.slice()) {
      const isThere = file.fileId !== undefined && byId.has(file.fileId);
      if (!isThere || file.isFinished || file.readPositionBytes > 0) continue;
      await file.close();
      this.#known.splice(this.#known.indexOf(file), 1);
    }
  }

  /** Where a known file is by now. */
  async #follow(file: TailedFile, byId: ReadonlyMap<string, Seen>): Promise<void> {
    const nowMs = this.#options.monotonicMs();
    const there = file.fileId === undefined ? undefined : byId.get(file.fileId);
    if (there !== undefined) {
      file.seenMs = this.#options.nowMs();
      if (file.source === undefined && !(await this.#reopen(file, there))) {
        file.rotatedMs ??= nowMs;
        return;
      }
      file.path = there.path;
    } else if (file.source === undefined) {
      // Whoever gets this number now is somebody else.
      file.fileId = undefined;
    }
    const isAtHome = there !== undefined && posix.basename(there.path) === file.family;
    if (isAtHome) file.rotatedMs = undefined;
    else file.rotatedMs ??= nowMs;
    if (file.source === undefined && !file.isFinished) file.lostMs ??= nowMs;
    const isQuiet = nowMs - Math.max(file.grewMs, file.rotatedMs ?? Infinity) >= CLOSED_AFTER_MS;
    if (file.isFinished && isQuiet) await file.close();
  }

  /** Opens a file of an earlier run, or one that has grown after it was closed. False when it is another one. */
  async #reopen(file: TailedFile, there: Seen): Promise<boolean> {
    if (file.verified === stateOf(there)) return true;
    const source = await this.#open(there);
    if (source === undefined) return false;
    const isArchive = isGzip(there.name);
    if ((await file.holds(source, file.readPositionBytes)) === "all") {
      file.verified = stateOf(there);
      if (file.isFinished && (isArchive || there.sizeBytes === file.readPositionBytes)) {
        await source.close();
        return true;
      }
      file.source = source;
      file.isStatic = isArchive;
      file.isFinished = false;
      return true;
    }
    await source.close();
    if (isArchive && !file.isFinished) return false;
    this.#options.log.info("a file holds something else than before", { path: there.path });
    file.fileId = undefined;
    file.isStatic = true;
    if (!file.isFinished) file.lostMs ??= this.#options.monotonicMs();
    return false;
  }

  /** Looks for what is left of files whose content has gone from its place. */
  async #findLost(seen: readonly Seen[]): Promise<void> {
    const { log, monotonicMs } = this.#options;
    for (const file of this.#known) {
      if (file.source !== undefined || file.isFinished || file.lostMs === undefined) continue;
      for (const one of seen.toSorted(byAge)) {
        if (!isRotationOf(one.name, file.family) || this.#isClaimed(one.fileId)) continue;
        if (await this.#continueFrom(file, one)) break;
      }
      if (file.source !== undefined || file.isFinished) continue;
      const nothingIsMissing = file.head.sizeBytes === 0;
      if (!nothingIsMissing && monotonicMs() - file.lostMs < SEARCH_MS) continue;
      if (!nothingIsMissing) {
        log.warn("a file is gone, and no copy of it was found; it was read up to here", {
          path: file.path,
          positionBytes: file.readPositionBytes,
        });
      }
      file.isFinished = true;
    }
  }

  async #continueFrom(file: TailedFile, one: Seen): Promise<boolean> {
    if (isCompressed(one.name) && !isGzip(one.name)) return false;
    const source = await this.#open(one);
    if (source === undefined) return false;
    const held = await file.holds(source, file.readPositionBytes);
    if (held === "less" && source instanceof GunzippedFile && !source.isComplete) {
      // It is still being written.
      await source.close();
      return false;
    }
    if (held === undefined) {
      await source.close();
      return false;
    }
    file.lostMs = undefined;
    file.isStatic = true;
    file.fileId = one.fileId;
    file.path = one.path;
    if (held === "all") file.source = source;
    else {
      file.isFinished = true;
      await source.close();
    }
    return true;
  }

  /** A file that nobody knows: a new one, or the copy of a known one. */
  async #welcome(one: Seen, seen: readonly Seen[]): Promise<void> {
    const source = await this.#open(one);
    if (source === undefined) return;
    if (await this.#isCopy(one, source)) {
      this.#copies.add(stateOf(one));
      await source.close();
      return;
    }
    const file = this.#new(one.path, one.fileId, this.#familyOf(one.name, seen));
    file.source = source;
    if (one.name !== file.family) file.rotatedMs = this.#options.monotonicMs();
    if (this.#isFirstLook && this.#options.beginsAtEnd) await this.#beginAtEnd(file, one, source);
    this.#add(file);
  }

  /** What was rotated away stands before the log itself, whose lines are younger. */
  #add(file: TailedFile): void {
    const isLog = ({ family, rotatedMs }: TailedFile) => family === file.family && rotatedMs === undefined;
    const log = file.rotatedMs === undefined ? -1 : this.#known.findIndex(isLog);
    this.#known.splice(log === -1 ? this.#known.length : log, 0, file);
  }

  async #beginAtEnd(file: TailedFile, one: Seen, source: Source): Promise<void> {
    const checkpoint = {
      ...file.checkpoint(),
      head: await readHead(source),
      positionBytes: one.sizeBytes,
      anchor: await readAnchor(source, one.sizeBytes),
      headerLinesLeft: one.sizeBytes === 0 ? this.#options.skipHeaderLines : 0,
    };
    // It was cut meanwhile: then all of it is new.
    if (checkpoint.anchor.sizeBytes === anchorSize(one.sizeBytes)) file.restore(checkpoint);
  }

  /** An archive that is there from the start is history; later ones are mostly those of known files. */
  async #welcomeArchive(one: Seen, seen: readonly Seen[]): Promise<void> {
    const source = await this.#open(one);
    if (source === undefined) return;
    const head = await readHead(source);
    if (await this.#isCopy(one, source)) this.#copies.add(stateOf(one));
    else if (head.sizeBytes > 0) {
      const file = this.#new(one.path, one.fileId, this.#familyOf(one.name, seen));
      file.isStatic = true;
      file.rotatedMs = this.#options.monotonicMs();
      this.#add(file);
      if (this.#isFirstLook) {
        file.isFinished = true;
        file.head = head;
      } else {
        file.source = source;
        return;
      }
    }
    await source.close();
  }

  /**
   * Whether it holds what a known file of the same log holds, and no more. A finished file has no copy that counts,
   * only an archive: the same lines under a new name and uncompressed are taken for new ones.
   */
  async #isCopy({ name }: Seen, source: Source): Promise<boolean> {
    for (const file of this.#known) {
      if (!isRotationOf(name, file.family) || file.head.sizeBytes === 0) continue;
      if (file.isFinished && !isGzip(name)) continue;
      const endBytes = file.isFinished ? file.readPositionBytes : await file.source?.sizeBytes?.();
      if (endBytes === undefined) continue;
      if ((await file.holds(source, file.readPositionBytes)) === undefined) continue;
      if ((await source.read(new Uint8Array(1), endBytes)) === 0) return true;
    }
    return false;
  }

  #isClaimed(fileId: string): boolean {
    return this.#known.some((file) => file.fileId === fileId);
  }

  #familyOf(name: string, seen: readonly Seen[]): string {
    return familyOf(name, [...this.#known.map(({ family }) => family), ...seen.map((one) => one.name)]);
  }

  #new(path: string, fileId: string | undefined, family: string): TailedFile {
    const { skipHeaderLines, nowMs, monotonicMs } = this.#options;
    return new TailedFile(
      newFile({ path, fileId, family, headerLinesLeft: skipHeaderLines, seenMs: nowMs() }),
      monotonicMs(),
    );
  }

  /** Undefined when it has just gone, or is another by now. */
  async #open({ path, name, fileId }: Seen): Promise<Source | undefined> {
    try {
      const file = await this.#options.files.open(path);
      if ((await file.status()).fileId === fileId) return isGzip(name) ? new GunzippedFile(file) : file;
      await file.close();
    } catch (failure) {
      if (!isMissing(failure)) {
        this.#options.log.warn("a file cannot be read", { path, cause: String(failure) });
      }
    }
    return undefined;
  }

  async #forget(): Promise<void> {
    const { nowMs, checkpointLifeMs } = this.#options;
    for (const file of this.#known.slice()) {
      if (!file.isFinished || file.batchesUnderWay > 0 || nowMs() - file.seenMs < checkpointLifeMs) continue;
      await file.close();
      this.#known.splice(this.#known.indexOf(file), 1);
    }
  }
}

function stateOf({ fileId, sizeBytes, modifiedMs }: Seen): string {
  return `${fileId} ${sizeBytes} ${modifiedMs}`;
}

/** The oldest first; of equal age, the rotated one, whose name is longer, before the log itself. */
function byAge(one: Seen, other: Seen): number {
  return one.modifiedMs - other.modifiedMs || other.name.length - one.name.length;
}
