import type { Files, OpenFile } from "@millrace/runtime";
import { isMissing } from "./checkpoint-store.ts";
import type { Seen } from "./directory-look.ts";
import { isCompressed } from "./file-pattern.ts";
import { type Fingerprint, readHead, type Source } from "./fingerprint.ts";
import { type Gunzip, GunzippedFile } from "./gunzipped-file.ts";

/** A file that was opened to see what it holds. */
export interface Probe {
  readonly seen: Seen;
  readonly source: Source;
  readonly isArchive: boolean;
  readonly head: Fingerprint;
}

/** Bytes that two files have alike before the end of the shorter one when one is the copy of the other. */
const COMPARED_BYTES = 4_096;

/** `moved`: it has gone, or is another by now. Undefined when it holds nothing that can be read. */
export async function openProbe(
  files: Files,
  seen: Seen,
  gunzip: Gunzip,
): Promise<Probe | "moved" | undefined> {
  let file: OpenFile;
  try {
    file = await files.open(seen.path);
  } catch (failure) {
    if (isMissing(failure)) return "moved";
    throw failure;
  }
  try {
    if ((await file.status()).fileId !== seen.fileId) {
      await file.close();
      return "moved";
    }
    // By what is in it, since an archive that is being made may have any name.
    const isArchive = await beginsAsGzip(file);
    const source = isArchive ? new GunzippedFile(file, gunzip) : file;
    const head = await readHead(source);
    if (head.sizeBytes > 0 && (isArchive || !isCompressed(seen.name))) {
      return { seen, source, isArchive, head };
    }
    await source.close();
    return undefined;
  } catch (failure) {
    await file.close();
    throw failure;
  }
}

async function beginsAsGzip(file: OpenFile): Promise<boolean> {
  const magic = new Uint8Array(2);
  return (await file.read(magic, 0)) === 2 && magic[0] === 0x1f && magic[1] === 0x8b;
}

/** How much it holds: of an archive all is read for that. Undefined of one that breaks off. */
export function contentBytesOf(source: Source): Promise<number | undefined> {
  return source instanceof GunzippedFile ? source.contentBytes() : (source as OpenFile).sizeBytes();
}

/** Whether one holds what the other does, and maybe more. */
export async function isPrefix(one: Source, other: Source): Promise<boolean> {
  const oneBytes = await contentBytesOf(one);
  const otherBytes = await contentBytesOf(other);
  if (oneBytes === undefined || otherBytes === undefined) return false;
  const end = Math.min(oneBytes, otherBytes);
  const start = Math.max(0, end - COMPARED_BYTES);
  const [head, otherHead] = [await rangeOf(one, 0, end), await rangeOf(other, 0, end)];
  if (!head.equals(otherHead)) return false;
  return (await rangeOf(one, start, end)).equals(await rangeOf(other, start, end));
}

async function rangeOf(source: Source, start: number, end: number): Promise<Buffer> {
  const bytes = Buffer.alloc(Math.min(COMPARED_BYTES, end - start));
  return bytes.subarray(0, await source.read(bytes, start));
}
