/** Memory as disks take it without a copy: beginning at a page of the machine, which no ordinary buffer promises. */

/** What is used here of what the declarations for Node leave out. */
declare const WebAssembly: {
  readonly Memory: new (size: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer };
};

/** A multiple of what any disk in use asks of memory, positions and lengths. */
const ALIGNMENT_BYTES = 4096;
const WEBASSEMBLY_PAGE_BYTES = 65_536;

const aligned = new WeakSet<ArrayBufferLike>();

/**
 * Zeros that a file opened with `uncached` writes past the page cache. Memory of WebAssembly is the only one that the platform
 * places at the beginning of a page. Each piece reserves gigabytes of addresses, though no memory: ask for megabytes, not for
 * kilobytes. Where there are no addresses left it is ordinary memory, which is written like any other.
 */
export function alignedBytes(sizeBytes: number): Buffer<ArrayBuffer> {
  const pages = Math.ceil(sizeBytes / WEBASSEMBLY_PAGE_BYTES);
  try {
    const { buffer } = new WebAssembly.Memory({ initial: pages, maximum: pages });
    aligned.add(buffer);
    return Buffer.from(buffer, 0, sizeBytes);
  } catch {
    return Buffer.alloc(sizeBytes);
  }
}

/** Whether a disk takes these bytes at this position as they are. */
export function isAligned(bytes: Uint8Array, position: number): boolean {
  return (
    bytes.byteLength > 0 &&
    bytes.byteOffset % ALIGNMENT_BYTES === 0 &&
    bytes.byteLength % ALIGNMENT_BYTES === 0 &&
    position % ALIGNMENT_BYTES === 0 &&
    aligned.has(bytes.buffer)
  );
}
