/** Whole reads and writes over {@link OpenFile}, whose own may be short. */
import type { OpenFile } from "@millrace/runtime";

/** Writes all of `bytes`; durable when it resolves if `durable`. A short write goes on where it stopped. */
export async function writeFully(
  file: OpenFile,
  bytes: Uint8Array,
  position: number,
  durable: boolean,
): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const count = await file.write(bytes.subarray(written), position + written);
    if (count <= 0) throw new Error(`a write of ${bytes.length - written} bytes wrote none`);
    written += count;
  }
  if (durable && !file.durableWrites) await file.sync();
}

/** Reads `length` bytes, or what there is up to the end of the file. */
export async function readFully(file: OpenFile, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length);
  return bytes.subarray(0, await readInto(file, position, bytes));
}

/** Fills `target`, or what of it there is up to the end of the file; resolves to how many bytes were read. */
export async function readInto(file: OpenFile, position: number, target: Buffer): Promise<number> {
  let done = 0;
  while (done < target.length) {
    const count = await file.read(done === 0 ? target : target.subarray(done), position + done);
    if (count <= 0) break;
    done += count;
  }
  return done;
}

export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}

export function isDiskFull(error: unknown): boolean {
  const code = errorCode(error);
  return code === "ENOSPC" || code === "EDQUOT";
}

/**
 * Ends the process because going on could break a promise. Where the process is a simulated one, its work
 * stops here for good instead: the promise never settles.
 */
export function endProcess(
  crash: (reason: string, cause: unknown) => never,
  reason: string,
  cause: unknown,
): Promise<never> {
  try {
    return crash(reason, cause);
  } catch {
    return new Promise(() => undefined);
  }
}
