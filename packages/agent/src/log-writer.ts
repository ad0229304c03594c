/** Who writes the logs of a test, and rotates them as log writers and logrotate do. */
import { gzipSync } from "node:zlib";
import type { Files } from "@millrace/runtime";

export class LogWriter {
  readonly #files: () => Files;
  readonly directory: string;

  /** `files`: those of the present, since a simulated process takes its own with it. */
  constructor(files: () => Files, directory: string) {
    this.#files = files;
    this.directory = directory;
  }

  path(name: string): string {
    return `${this.directory}/${name}`;
  }

  async append(name: string, text: string): Promise<void> {
    const file = await this.#files().open(this.path(name), { create: true });
    await file.write(Buffer.from(text), await file.sizeBytes());
    await file.close();
  }

  rename(from: string, to: string): Promise<void> {
    return this.#files().rename(this.path(from), this.path(to));
  }

  remove(name: string): Promise<void> {
    return this.#files().unlink(this.path(name));
  }

  /** The content goes to a new file, and the old one is cut to nothing. */
  async copyTruncate(name: string, copy: string): Promise<void> {
    await this.#write(copy, await this.#read(name));
    const file = await this.#files().open(this.path(name), { write: true });
    await file.truncate(0);
    await file.close();
  }

  /** `name.gz` comes, and the file goes. */
  async compress(name: string): Promise<void> {
    await this.#write(`${name}.gz`, gzipSync(await this.#read(name)));
    await this.remove(name);
  }

  async #read(name: string): Promise<Buffer> {
    const file = await this.#files().open(this.path(name));
    const bytes = Buffer.alloc(await file.sizeBytes());
    await file.read(bytes, 0);
    await file.close();
    return bytes;
  }

  async #write(name: string, bytes: Buffer): Promise<void> {
    const file = await this.#files().open(this.path(name), { create: true, exclusive: true });
    await file.write(bytes, 0);
    await file.close();
  }
}
