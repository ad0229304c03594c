/** ext4 file systems in files, mounted through loop devices. Linux and root only; see {@link probeLoopMount}. */
import { closeSync, fsyncSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { scratchDirectory, undoLater } from "./cleanup.ts";
import { probe, run, type ProbeResult } from "./probe.ts";

export interface Mounted {
  readonly directory: string;
  /** Name of the block device below, e.g. `loop3`. */
  readonly device: string;
  unmount(): void;
}

const MIB = 1 << 20;

/** A file that holds an empty ext4 file system. `filled`: all of its blocks are allocated and on the disk. */
export function makeImage(path: string, sizeBytes: number, filled: boolean): void {
  const file = openSync(path, "w");
  if (filled) {
    const zeros = Buffer.alloc(MIB);
    for (let at = 0; at < sizeBytes; at += zeros.length) writeSync(file, zeros, 0, zeros.length, at);
  } else ftruncateSync(file, sizeBytes);
  fsyncSync(file);
  closeSync(file);
  // No lazy initialisation: a kernel thread would go on writing behind our back.
  run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard", "-m", "0", path);
}

/** Mounts an image. What a journal of the file system holds is replayed, as after a power cut. */
export function mount(image: string, directory: string): Mounted {
  mkdirSync(directory, { recursive: true });
  run("mount", "-o", "loop,noatime", image, directory);
  const unmount = undoLater(() => {
    try {
      run("umount", directory);
    } catch {
      // Somebody still looks at it. Let it go as soon as they are done.
      run("umount", "-l", directory);
    }
  });
  const source = readFileSync("/proc/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" "))
    .find(([, target]) => target === directory)?.[0];
  return { directory, device: source?.replace("/dev/", "") ?? "", unmount };
}

/** How many writes a block device has completed, and how many are under way: it is quiet while these stay. */
export function writeCount(device: string): string {
  const fields = readFileSync(`/sys/block/${device}/stat`, "utf8").trim().split(/\s+/);
  return `${fields[4]} ${fields[8]}`;
}

export function probeLoopMount(): ProbeResult {
  return probe("loop-mount", () => {
    if (process.platform !== "linux") throw new Error(`${process.platform} has no loop devices`);
    if (process.getuid?.() !== 0) throw new Error("mounting needs root");
    const directory = scratchDirectory("probe");
    const outer = join(directory, "outer.img");
    makeImage(outer, 24 * MIB, false);
    const outerMount = mount(outer, join(directory, "outer"));
    const inner = join(outerMount.directory, "inner.img");
    makeImage(inner, 8 * MIB, true);
    mount(inner, join(directory, "inner")).unmount();
    outerMount.unmount();
  });
}
