/**
 * How the content of a file is known again: by its first bytes and by those before a position. A file's number is
 * not enough, since a new file may get that of one that is gone, and a file that was cut to nothing keeps it.
 */
import { createHash } from "node:crypto";

export interface Fingerprint {
  readonly sizeBytes: number;
  /** SHA-256, hexadecimal. */
  readonly hash: string;
}

/** Where bytes are read from. */
export interface Source {
  /** See `OpenFile.read`. */
  read(target: Uint8Array, position: number): Promise<number>;
  close(): Promise<void>;
}

export const HEAD_BYTES = 1_024;
const ANCHOR_BYTES = 64;

export const NO_BYTES: Fingerprint = fingerprintOf(new Uint8Array());

export function fingerprintOf(bytes: Uint8Array): Fingerprint {
  return { sizeBytes: bytes.length, hash: createHash("sha256").update(bytes).digest("hex") };
}

/** Of the first bytes of a file. */
export function headOf(bytes: Uint8Array): Fingerprint {
  return fingerprintOf(bytes.subarray(0, HEAD_BYTES));
}

/**
 * How many bytes before a position are compared: near the start all of them, so that a file of a few lines is told
 * from another by all it has.
 */
export function anchorSize(position: number): number {
  return position <= HEAD_BYTES ? position : ANCHOR_BYTES;
}

export function isEqual(one: Fingerprint, other: Fingerprint): boolean {
  return one.sizeBytes === other.sizeBytes && one.hash === other.hash;
}

/** Whether the bytes of `source` before `end` have this fingerprint. */
export async function hasFingerprint(
  source: Source,
  fingerprint: Fingerprint,
  end: number,
): Promise<boolean> {
  if (fingerprint.sizeBytes === 0) return true;
  const bytes = new Uint8Array(fingerprint.sizeBytes);
  const count = await source.read(bytes, end - fingerprint.sizeBytes);
  return count === bytes.length && fingerprintOf(bytes).hash === fingerprint.hash;
}

export async function readHead(source: Source): Promise<Fingerprint> {
  const bytes = new Uint8Array(HEAD_BYTES);
  return headOf(bytes.subarray(0, await source.read(bytes, 0)));
}

export async function readAnchor(source: Source, position: number): Promise<Fingerprint> {
  const bytes = new Uint8Array(anchorSize(position));
  return fingerprintOf(bytes.subarray(0, await source.read(bytes, position - bytes.length)));
}
