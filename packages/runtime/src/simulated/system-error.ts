import type { DiskOperation } from "./disk-faults.ts";

const systemErrorTexts: Readonly<Record<string, string>> = {
  EBADF: "bad file descriptor",
  EEXIST: "file already exists",
  EINVAL: "invalid argument",
  EIO: "i/o error",
  EISDIR: "illegal operation on a directory",
  ENOENT: "no such file or directory",
  ENOSPC: "no space left on device",
  ENOTDIR: "not a directory",
};

/** An error as Node's own file functions throw it. */
export function systemError(code: string, { kind, path }: DiskOperation): NodeJS.ErrnoException {
  const text = systemErrorTexts[code] ?? "the operation failed";
  return Object.assign(new Error(`${code}: ${text}, ${kind} '${path}'`), { code, syscall: kind, path });
}
