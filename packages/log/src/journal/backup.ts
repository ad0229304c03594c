/**
 * A consistent copy of a data directory, taken while its server goes on, and the way back.
 *
 * Sealed segments never change, and neither does what the active one held when the copy began; together
 * with the newest snapshot they are the journal as of that commit. The copy is a data directory like any
 * other, with a manifest beside it that says what belongs to it.
 */
import type { Files, Runtime } from "@millrace/runtime";
import { crc32 } from "node:zlib";
import { isCount, isText, isTime, listOf, objectOf, parseJson, type Check } from "./checked-json.ts";
import { errorCode, readFully, writeFully } from "./file-io.ts";

export interface BackupSource {
  readonly path: string;
  /** Path inside the copy. */
  readonly name: string;
  /** How much of the file belongs to the copy. */
  readonly bytes: number;
}

export interface BackupManifest {
  readonly format: 1;
  readonly commit: number;
  readonly revision: number;
  readonly takenAtMs: number;
  readonly files: readonly { readonly name: string; readonly bytes: number; readonly crc32: number }[];
}

export type Progress = (doneBytes: number, totalBytes: number) => void;

const PIECE_BYTES = 1 << 20;
export const MANIFEST = "BACKUP";
/** Where the files of a data directory are: a manifest names nothing else, so a restore writes nowhere else. */
const FILE_NAME = /^(?:FORMAT|(?:journal|state)\/\w[\w.-]*)$/;

const isManifest = objectOf({
  format: (value) => value === 1,
  commit: isCount,
  revision: isCount,
  takenAtMs: isTime,
  files: listOf(
    objectOf({
      name: (value) => isText(value) && FILE_NAME.test(value as string),
      bytes: isCount,
      crc32: isCount,
    }),
  ),
} satisfies Record<keyof BackupManifest, Check>);

/** Something about a backup, or the place where it should go, that keeps it from being used. */
export class BackupError extends Error {
  override readonly name = "BackupError";
}

/** Copies files into a new directory, durably; the manifest comes last. */
export async function writeBackup(
  files: Files,
  target: string,
  sources: readonly BackupSource[],
  facts: Omit<BackupManifest, "files" | "format">,
  onProgress?: Progress,
): Promise<BackupManifest> {
  await refuseUsed(files, target);
  const totalBytes = sources.reduce((sum, { bytes }) => sum + bytes, 0);
  let doneBytes = 0;
  const copied: { name: string; bytes: number; crc32: number }[] = [];
  for (const { path, name, bytes } of sources) {
    const crc = await copyFile(files, path, `${target}/${name}`, bytes, (count) => {
      doneBytes += count;
      onProgress?.(doneBytes, totalBytes);
    });
    copied.push({ name, bytes, crc32: crc });
  }
  const manifest: BackupManifest = { format: 1, ...facts, files: copied };
  const file = await files.open(`${target}/${MANIFEST}`, { create: true, write: true });
  await writeFully(file, Buffer.from(`${JSON.stringify(manifest, undefined, 1)}\n`), 0, false);
  await file.sync();
  await file.close();
  for (const directory of [`${target}/journal`, `${target}/state`, target])
    await files.syncDirectory(directory);
  return manifest;
}

/**
 * Checks a backup against its manifest and copies it to where a server can use it.
 *
 * @throws {BackupError} when it is incomplete or damaged, or the directory is in use.
 */
export async function restoreBackup(
  { files }: Pick<Runtime, "files">,
  options: { readonly from: string; readonly directory: string; readonly onProgress?: Progress },
): Promise<BackupManifest> {
  const manifest = await readManifest(files, options.from);
  for (const { name, bytes } of manifest.files) await checkSize(files, `${options.from}/${name}`, bytes);
  await refuseUsed(files, options.directory);
  const totalBytes = manifest.files.reduce((sum, { bytes }) => sum + bytes, 0);
  let doneBytes = 0;
  for (const { name, bytes, crc32: expected } of manifest.files) {
    const crc = await copyFile(
      files,
      `${options.from}/${name}`,
      `${options.directory}/${name}`,
      bytes,
      (count) => {
        doneBytes += count;
        options.onProgress?.(doneBytes, totalBytes);
      },
    );
    if (crc !== expected) {
      throw new BackupError(
        `${options.from}/${name} is damaged: its checksum is not the one in the manifest. ` +
          `${options.directory} is incomplete and must not be used.`,
      );
    }
  }
  for (const directory of [`${options.directory}/journal`, `${options.directory}/state`, options.directory]) {
    await files.syncDirectory(directory);
  }
  return manifest;
}

async function readManifest(files: Files, from: string): Promise<BackupManifest> {
  let text: string;
  try {
    const file = await files.open(`${from}/${MANIFEST}`);
    try {
      text = (await readFully(file, 0, await file.sizeBytes())).toString("utf8");
    } finally {
      await file.close();
    }
  } catch (error) {
    throw new BackupError(`${from} is no complete backup: it has no readable ${MANIFEST} file`, {
      cause: error,
    });
  }
  const manifest = parseJson(text);
  if (!isManifest(manifest)) {
    throw new BackupError(`${from}/${MANIFEST} is not a manifest that this version knows`);
  }
  const { files: listed } = manifest as BackupManifest;
  if (new Set(listed.map(({ name }) => name)).size < listed.length) {
    throw new BackupError(`${from}/${MANIFEST} names a file twice`);
  }
  return manifest as BackupManifest;
}

/** The checksum vouches for what is copied; that this is all of the file, its size does. */
async function checkSize(files: Files, path: string, bytes: number): Promise<void> {
  const file = await files.open(path).catch((error: unknown) => {
    throw errorCode(error) === "ENOENT" ? new BackupError(`${path} is missing`, { cause: error }) : error;
  });
  try {
    const held = await file.sizeBytes();
    if (held === bytes) return;
    throw new BackupError(`${path} is damaged: it holds ${held} bytes, and the manifest says ${bytes}`);
  } finally {
    await file.close();
  }
}

async function refuseUsed(files: Files, target: string): Promise<void> {
  const names = await files.list(target).catch(() => []);
  if (names.length > 0) {
    throw new BackupError(`${target} is not empty; choose a directory that does not exist yet`);
  }
  await files.makeDirectory(`${target}/journal`);
  await files.makeDirectory(`${target}/state`);
}

async function copyFile(
  files: Files,
  from: string,
  to: string,
  bytes: number,
  onBytes: (count: number) => void,
): Promise<number> {
  const source = await files.open(from);
  try {
    const target = await files.open(to, { create: true, exclusive: true, write: true });
    try {
      let crc = 0;
      for (let at = 0; at < bytes;) {
        const piece = await readFully(source, at, Math.min(PIECE_BYTES, bytes - at));
        if (piece.length === 0) throw new BackupError(`${from} ends after ${at} of ${bytes} bytes`);
        crc = crc32(piece, crc);
        await writeFully(target, piece, at, false);
        at += piece.length;
        onBytes(piece.length);
      }
      await target.sync();
      return crc;
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}
