/** Shorter ones take as long either way. */
const FILLED_BYTES_MIN = 512;

/** Whether other threads see the memory that the bytes lie in. */
export function isShared(bytes: Uint8Array): boolean {
  return bytes.buffer instanceof SharedArrayBuffer;
}

/** Copies all of `source` to `target[at..at + source.length)`. */
type CopyBytes = (target: Buffer, at: number, source: Uint8Array) => void;

/**
 * The quickest way to copy, where `one` is what is copied from or to. `set` copies memory that threads share word by word, or byte by
 * byte, since it has to be right even where two write at once; `fill` takes no notice. Nobody may write to either meanwhile.
 */
export function copierOf(one: Uint8Array): CopyBytes {
  return isShared(one) ? copyShared : copyOwn;
}

function copyOwn(target: Buffer, at: number, source: Uint8Array): void {
  target.set(source, at);
}

function copyShared(target: Buffer, at: number, source: Uint8Array): void {
  if (source.length < FILLED_BYTES_MIN) target.set(source, at);
  else target.fill(source, at, at + source.length);
}
