/**
 * The files of a flow, and the order of what they hold.
 *
 * A log is a sequence of generations: what was written to it between one rotation and the next. A generation is known
 * by its content (its first bytes, and those before the position that was read to), since its name, and the number of
 * its file, change and are given to others. Wherever it is, in the file it was written to, in a copy that was made
 * before that was cut, or in an archive, it is the same generation.
 *
 * Generations are read in the order in which they were found, and that order is all there is: it is kept with the
 * checkpoint, before anything of a new generation is read, and nothing is ever put in between. It is the order of
 * writing, because
 *
 * - a look is only gone by when a second one agrees with it, so each generation that exists at a look is found by it;
 * - so what is found at one look was written after all that was found at an earlier one;
 * - and of several that are found at once, files were changed last in the order of their writing, a copy or an archive
 *   when it was made, which is before the next one is put aside, and what was within one tick of the kernel's clock is told by the numbers
 *   of the names; and what stands at the log's own path is the youngest.
 */
import { posix } from "node:path";
import type { Files, Logger } from "@millrace/runtime";
import type { FlowCheckpoint } from "./checkpoint-store.ts";
import { type AgeOrder, agesIn, isSameLook, lookAt, type Seen, stateOf } from "./directory-look.ts";
import { familyOf, type FilePattern, isRotationOf } from "./file-pattern.ts";
import { anchorSize, HEAD_BYTES, readAnchor } from "./fingerprint.ts";
import type { Gunzip } from "./gunzipped-file.ts";
import { contentBytesOf, isPrefix, openProbe, type Probe } from "./probe.ts";
import { newFile, TailedFile } from "./tailed-file.ts";

export interface FileSetOptions {
  readonly files: Files;
  readonly log: Logger;
  readonly gunzip: Gunzip;
  readonly pattern: FilePattern;
  readonly skipHeaderLines: number;
  /** Files that are there at the first look begin at their end. */
  readonly beginsAtEnd: boolean;
  /** What outlived its file is forgotten after this. */
  readonly checkpointLifeMs: number;
  readonly nowMs: () => number;
  readonly monotonicMs: () => number;
}

/** How long the rest of a generation that has vanished is looked for, in copies and archives that may still be made. */
const SEARCH_MS = 10_000;
/** A file that is not at its own path any more and has not grown for this long is closed. */
const CLOSED_AFTER_MS = 60_000;
/** While files move, it is looked again at once, but not for ever. */
const LOOKS_AT_ONCE_MAX = 10;

export class FileSet {
  readonly #options: FileSetOptions;
  /** Generations, in order. */
  readonly #known: TailedFile[] = [];
  /** States of files that hold nothing new: copies, archives, what was read to its end. */
  #explained = new Set<string>();
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

  /** Looks at the directory. True when there are new generations: their order has to be kept before they are read. */
  async refresh(): Promise<boolean> {
    for (let count = 0; count < LOOKS_AT_ONCE_MAX; count += 1) {
      for (const file of this.#known) if (await file.isReplaced()) await file.close();
      const seen = await this.#look();
      const probes = await this.#openProbes(seen);
      // Only what is new needs a second look.
      const isTrusted = probes?.length === 0 || isSameLook(seen, await this.#look());
      if (probes !== undefined && isTrusted) {
        const countBefore = this.#known.length;
        const isSettled = await this.#goBy(seen, probes);
        for (const { source } of probes) {
          if (!this.#known.some((file) => file.source === source)) await source.close();
        }
        if (isSettled) return this.#known.length > countBefore;
      } else for (const { source } of probes ?? []) await source.close();
    }
    return false;
  }

  async close(): Promise<void> {
    for (const file of this.#known) await file.close();
  }

  #look(): Promise<Seen[]> {
    const { files, pattern } = this.#options;
    const families = new Set(this.#known.map(({ family }) => family));
    return lookAt(
      files,
      pattern.directory,
      (name) => pattern.matches(name) || [...families].some((family) => isRotationOf(name, family)),
    );
  }

  /** Opens what is not accounted for. Undefined when something moved meanwhile. */
  async #openProbes(seen: readonly Seen[]): Promise<Probe[] | undefined> {
    const { files, gunzip, log } = this.#options;
    const probes: Probe[] = [];
    const states = new Set(seen.map(stateOf));
    this.#explained = new Set([...this.#explained].filter((state) => states.has(state)));
    // What held nothing new may be all that is left of what is missing now.
    const isMissing = this.#known.some((file) => file.source === undefined && !file.isFinished);
    for (const one of seen) {
      // What is empty may be about to become a copy of something.
      if (one.sizeBytes === 0 || this.#isOpen(one)) continue;
      if (this.#explained.has(stateOf(one)) && !isMissing) continue;
      let probe: Awaited<ReturnType<typeof openProbe>>;
      try {
        probe = await openProbe(files, one, gunzip);
      } catch (failure) {
        log.warn("a file cannot be read", { path: one.path, cause: String(failure) });
      }
      if (probe === "moved") {
        for (const { source } of probes) await source.close();
        return undefined;
      }
      if (probe === undefined) this.#explained.add(stateOf(one));
      else probes.push(probe);
    }
    return probes;
  }

  /** False when it has to be looked again. */
  async #goBy(seen: readonly Seen[], probes: readonly Probe[]): Promise<boolean> {
    const left = new Set(probes);
    const byAge = agesIn(seen);
    for (const file of this.#known) {
      if (file.source !== undefined && !(await this.#isStillThere(file, seen, left, byAge))) {
        // It goes on in another file, and what stands in its place is another generation.
        await file.close();
        return false;
      }
      if (file.source === undefined && !file.isFinished) await this.#locate(file, left, byAge);
      else if (file.isFinished) await this.#followFinished(file, left);
      await this.#place(file, seen);
    }
    const fresh: Probe[] = [];
    for (const probe of left) {
      if (await this.#isCopy(probe)) this.#explained.add(stateOf(probe.seen));
      else if (this.#options.pattern.matches(probe.seen.name)) fresh.push(probe);
      // It may be the rest of something later on.
      else this.#explained.add(stateOf(probe.seen));
    }
    await this.#addAll(fresh, seen, byAge);
    this.#isFirstLook = false;
    await this.#forget();
    return true;
  }

  /**
   * Of a generation with a few lines a later one may hold all, when both begin with the same header: then the older
   * file is the one.
   */
  async #isStillThere(
    file: TailedFile,
    seen: readonly Seen[],
    probes: ReadonlySet<Probe>,
    byAge: AgeOrder,
  ): Promise<boolean> {
    const { source, readPositionBytes } = file;
    if (source === undefined || readPositionBytes > HEAD_BYTES) return true;
    const there = seen.find(({ fileId }) => fileId === file.fileId);
    if (there === undefined) return true;
    for (const probe of probes) {
      if (!this.#isCandidate(file, probe) || byAge(probe.seen, there) >= 0) continue;
      if ((await file.holds(probe.source, readPositionBytes)) !== "all") continue;
      if (!(await isPrefix(probe.source, source))) return false;
    }
    return true;
  }

  /** Finds where a generation is by now. */
  async #locate(file: TailedFile, left: Set<Probe>, byAge: AgeOrder): Promise<void> {
    const { log, monotonicMs } = this.#options;
    const candidates: Probe[] = [];
    let isReadToItsEnd = false;
    for (const probe of left) {
      if (!this.#isCandidate(file, probe)) continue;
      const held = await file.holds(probe.source, file.readPositionBytes);
      // An archive that is being made may yet hold more.
      if (held === undefined || (await contentBytesOf(probe.source)) === undefined) continue;
      if (held === "all") candidates.push(probe);
      else isReadToItsEnd = true;
    }
    const found = await this.#bestOf(file, candidates, byAge);
    if (found !== undefined) {
      left.delete(found);
      const isSameFile = found.seen.fileId === file.fileId;
      file.isStatic = found.isArchive || !isSameFile;
      file.fileId = found.seen.fileId;
      file.path = found.seen.path;
      file.source = found.source;
      file.lostMs = undefined;
      return;
    }
    file.lostMs ??= monotonicMs();
    if (isReadToItsEnd) file.isFinished = true;
    else if (monotonicMs() - file.lostMs >= SEARCH_MS) {
      log.warn("a file is gone, and no copy of it was found; it was read up to here", {
        path: file.path,
        positionBytes: file.readPositionBytes,
      });
      file.isFinished = true;
    }
  }

  /** The oldest; of copies of the same, the file itself before a copy, and a copy before an archive. */
  async #bestOf(
    { fileId }: TailedFile,
    candidates: readonly Probe[],
    byAge: AgeOrder,
  ): Promise<Probe | undefined> {
    const [oldest, ...others] = candidates.toSorted((one, other) => byAge(one.seen, other.seen));
    let best = oldest;
    for (const other of others) {
      if (best === undefined || best.seen.fileId === fileId) break;
      const isBetter = other.seen.fileId === fileId || (best.isArchive && !other.isArchive);
      if (isBetter && (await isPrefix(best.source, other.source))) best = other;
    }
    return best;
  }

  /** A file that was read to its end and closed has got more, or nothing has changed. */
  async #followFinished(file: TailedFile, left: Set<Probe>): Promise<void> {
    for (const probe of left) {
      if (probe.seen.fileId !== file.fileId) continue;
      if ((await file.holds(probe.source, file.readPositionBytes)) !== "all") {
        // Somebody else has this number by now.
        if (file.source === undefined) file.fileId = undefined;
        return;
      }
      left.delete(probe);
      if (probe.isArchive || probe.seen.sizeBytes === file.readPositionBytes) {
        this.#explained.add(stateOf(probe.seen));
      } else {
        file.source = probe.source;
        file.isStatic = false;
        file.isFinished = false;
      }
      return;
    }
  }

  /** Where the file of a generation stands, and since when not at the log's own path. */
  async #place(file: TailedFile, seen: readonly Seen[]): Promise<void> {
    const nowMs = this.#options.monotonicMs();
    const there = file.fileId === undefined ? undefined : seen.find(({ fileId }) => fileId === file.fileId);
    if (there !== undefined) {
      file.seenMs = this.#options.nowMs();
      file.path = there.path;
    }
    const isAtHome = there !== undefined && !file.isStatic && posix.basename(there.path) === file.family;
    if (isAtHome && file.source !== undefined) file.rotatedMs = undefined;
    else file.rotatedMs ??= nowMs;
    const isQuiet = nowMs - Math.max(file.grewMs, file.rotatedMs ?? Infinity) >= CLOSED_AFTER_MS;
    if (file.isFinished && file.source !== undefined && isQuiet) {
      await file.close();
      if (there !== undefined && there.sizeBytes === file.readPositionBytes)
        this.#explained.add(stateOf(there));
    }
  }

  /**
   * Whether it holds what a known generation of the same log holds, and no more: it is an archive, or the copy of a log
   * that is about to be cut. The same lines in another file are new ones.
   */
  async #isCopy(probe: Probe): Promise<boolean> {
    for (const file of this.#known) {
      if (!this.#isCandidate(file, probe)) continue;
      if ((await file.holds(probe.source, file.readPositionBytes)) === undefined) continue;
      if (!probe.isArchive && (file.rotatedMs !== undefined || probe.seen.name === file.family)) continue;
      const bytes = await contentBytesOf(probe.source);
      // What breaks off is an archive that is being made of it.
      if (bytes === undefined) return true;
      if (file.source === undefined) {
        if (file.isFinished && bytes <= file.readPositionBytes) return true;
      } else if (bytes <= ((await contentBytesOf(file.source)) ?? 0)) {
        if (await isPrefix(probe.source, file.source)) return true;
      }
    }
    return false;
  }

  /** Adds generations that nobody knew, in the order of their writing. */
  async #addAll(fresh: readonly Probe[], seen: readonly Seen[], byAge: AgeOrder): Promise<void> {
    const names = [...this.#known.map(({ family }) => family), ...seen.map(({ name }) => name)];
    const found = fresh.map((probe) => ({
      probe,
      family: familyOf(probe.seen.name, names, this.#options.pattern),
    }));
    const isHome = ({ probe, family }: (typeof found)[number]) => probe.seen.name === family;
    // Copies and archives come behind what they may be made of.
    found.sort(
      (one, other) =>
        Number(one.probe.isArchive) - Number(other.probe.isArchive) ||
        Number(isHome(other)) - Number(isHome(one)) ||
        byAge(one.probe.seen, other.probe.seen),
    );
    const added: { readonly file: TailedFile; readonly probe: Probe; readonly isLog: boolean }[] = [];
    const countBefore = this.#known.length;
    for (const { probe, family } of found) {
      const file = (await this.#isCopy(probe)) ? undefined : await this.#begin(probe, family);
      if (file === undefined) this.#explained.add(stateOf(probe.seen));
      else {
        this.#known.push(file);
        added.push({ file, probe, isLog: isHome({ probe, family }) });
      }
    }
    added.sort(
      (one, other) => Number(one.isLog) - Number(other.isLog) || byAge(one.probe.seen, other.probe.seen),
    );
    this.#known.splice(countBefore, added.length, ...added.map(({ file }) => file));
  }

  /** Undefined of an archive that breaks off: it is being made of something, or is broken. */
  async #begin(
    { seen: { path, fileId, name }, source, isArchive, head }: Probe,
    family: string,
  ): Promise<TailedFile | undefined> {
    const { skipHeaderLines, nowMs, monotonicMs } = this.#options;
    const file = new TailedFile(
      { ...newFile({ path, fileId, family, headerLinesLeft: skipHeaderLines, seenMs: nowMs() }), head },
      monotonicMs(),
    );
    file.isStatic = isArchive;
    if (name !== family) file.rotatedMs = monotonicMs();
    if (isArchive && this.#isFirstLook) {
      // What was put away before there was an agent is history.
      file.isFinished = true;
      return file;
    }
    const contentBytes = await contentBytesOf(source);
    if (contentBytes === undefined) return undefined;
    if (this.#isFirstLook && this.#options.beginsAtEnd) {
      const anchor = await readAnchor(source, contentBytes);
      // It was cut meanwhile: then all of it is new.
      if (anchor.sizeBytes === anchorSize(contentBytes)) {
        file.restore({ ...file.checkpoint(), positionBytes: contentBytes, anchor, headerLinesLeft: 0 });
      }
    }
    file.source = source;
    return file;
  }

  #isCandidate({ family }: TailedFile, { seen: { name } }: Probe): boolean {
    return name === family || isRotationOf(name, family);
  }

  #isOpen({ fileId }: Seen): boolean {
    return this.#known.some((file) => file.source !== undefined && file.fileId === fileId);
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
