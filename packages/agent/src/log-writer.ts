/** Who writes the logs of a test, and rotates them as log writers and logrotate do. */
import { constants, gunzipSync, gzipSync } from "node:zlib";
import type { SimulatedDisk } from "@millrace/runtime";

/** Unpacks an archive at once, without threads. */
export async function* gunzipAtOnce(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const packed: Buffer[] = [];
  for await (const piece of pieces) packed.push(Buffer.from(piece));
  const bytes = Buffer.concat(packed);
  yield gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH });
  // Throws when it breaks off.
  gunzipSync(bytes);
}

export class LogWriter {
  readonly #disk: SimulatedDisk;
  readonly directory: string;

  constructor(disk: SimulatedDisk, directory: string) {
    this.#disk = disk;
    this.directory = directory;
  }

  path(name: string): string {
    return `${this.directory}/${name}`;
  }

  async append(name: string, text: string): Promise<void> {
    const file = await this.#disk.files.open(this.path(name), { create: true });
    await file.write(Buffer.from(text), await file.sizeBytes());
    await file.close();
  }

  rename(from: string, to: string): Promise<void> {
    return this.#disk.files.rename(this.path(from), this.path(to));
  }

  remove(name: string): Promise<void> {
    return this.#disk.files.unlink(this.path(name));
  }

  /** The content goes to a new file, and the old one is cut to nothing. */
  async copyTruncate(name: string, copy: string): Promise<void> {
    await this.#write(copy, await this.#read(name));
    const file = await this.#disk.files.open(this.path(name), { write: true });
    await file.truncate(0);
    await file.close();
  }

  /**
   * `name.gz` comes, maybe under another name at first, and the file goes. Most archivers give the archive the time
   * of the file; others leave it with the time at which it was made.
   */
  async compress(name: string, { written = `${name}.gz`, keepsTime = true } = {}): Promise<void> {
    const { modifiedMs } = await this.#disk.files.status(this.path(name));
    await this.#write(written, gzipSync(await this.#read(name)));
    if (keepsTime) this.#disk.setModified(this.path(written), modifiedMs);
    if (written !== `${name}.gz`) await this.rename(written, `${name}.gz`);
    await this.remove(name);
  }

  async #read(name: string): Promise<Buffer> {
    const file = await this.#disk.files.open(this.path(name));
    const bytes = Buffer.alloc(await file.sizeBytes());
    await file.read(bytes, 0);
    await file.close();
    return bytes;
  }

  async #write(name: string, bytes: Buffer): Promise<void> {
    const file = await this.#disk.files.open(this.path(name), { create: true, exclusive: true });
    await file.write(bytes, 0);
    await file.close();
  }
}
