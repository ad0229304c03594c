/**
 * The lines of a byte stream, without their line ends (`\n` or `\r\n`), as bytes: what people pipe in need
 * not be text. The last line counts even if nothing ends it.
 */
export async function* linesOf(input: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let held: Buffer[] = [];
  for await (const piece of input) {
    const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    let start = 0;
    for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, start)) {
      held.push(bytes.subarray(start, end));
      yield withoutReturn(held);
      held = [];
      start = end + 1;
    }
    if (start < bytes.length) held.push(bytes.subarray(start));
  }
  if (held.length > 0) yield withoutReturn(held);
}

function withoutReturn(pieces: readonly Buffer[]): Buffer {
  const line = pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces);
  return line.at(-1) === 13 ? line.subarray(0, -1) : line;
}
