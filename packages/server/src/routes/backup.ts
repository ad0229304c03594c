/**
 * `POST /_millrace/backup`: a consistent copy of the data directory while the server goes on.
 *
 * The answer is JSON lines: `{doneBytes, totalBytes}` while it is copied, then {@link BackupDone}, or the error in
 * the form of every other. What is wrong before anything is copied is told by the status. A client that leaves
 * abandons the backup.
 */
import { isAbsolute, relative, resolve } from "node:path";
import { BackupError } from "@millrace/log";
import type { BackupManifest, Journal } from "@millrace/log";
import type { Files, Logger } from "@millrace/runtime";
import type { WireRequest, WireResponse } from "@millrace/wire";
import { strangerReason } from "./guard.ts";
import { errorAnswer } from "./json-answer.ts";

export interface BackupDone {
  readonly directory: string;
  readonly sizeBytes: number;
  readonly fileCount: number;
  /** The last commit that is in the copy. */
  readonly commit: number;
  readonly takenAtMs: number;
}

export interface BackupSources {
  /** Undefined when everything is in memory. */
  readonly journal: Pick<Journal, "backup"> | undefined;
  readonly dataDir: string;
  readonly files: Files;
  readonly log: Logger;
}

type Refusal = readonly [status: number, type: string, message: string];

/** One backup at a time. */
export function backups(sources: BackupSources): (request: WireRequest) => Promise<WireResponse> {
  let isRunning = false;
  return async (request) => {
    const stranger = strangerReason(request);
    if (stranger !== undefined) return errorAnswer(403, "AccessDeniedException", stranger);
    if (request.method !== "POST") {
      return errorAnswer(
        405,
        "MethodNotAllowedException",
        `${request.method} is not for this path; there is POST /_millrace/backup.`,
      );
    }
    const asked = askedOf(request, sources);
    if ("refusal" in asked) return errorAnswer(...asked.refusal);
    if (isRunning)
      return errorAnswer(409, "ResourceInUseException", "Another backup is being made; wait for its end.");
    isRunning = true;
    const running = new RunningBackup(sources, asked.journal, asked.directory);
    void running.ended.then(() => (isRunning = false));
    return running.answer();
  };
}

function askedOf(
  { body }: WireRequest,
  { journal, dataDir }: BackupSources,
): { readonly journal: Pick<Journal, "backup">; readonly directory: string } | { readonly refusal: Refusal } {
  const refuse = (message: string) => ({ refusal: [400, "ValidationException", message] as const });
  let given: { directory?: unknown; dataDir?: unknown } | null;
  try {
    given = JSON.parse(Buffer.from(body).toString("utf8")) as typeof given;
  } catch {
    return refuse("The body is not JSON.");
  }
  const directory = given?.directory;
  if (typeof directory !== "string" || !isAbsolute(directory)) {
    return refuse('Say where to, as {"directory": "/absolute/path"}.');
  }
  if (journal === undefined)
    return refuse("There is nothing to back up: with durability memory nothing is on disk.");
  const ours = resolve(dataDir);
  if (given?.dataDir !== undefined && given.dataDir !== ours) {
    return refuse(`This server keeps its data in ${ours}, not in ${String(given.dataDir)}.`);
  }
  const way = relative(ours, resolve(directory));
  if (way === "" || (!way.startsWith("..") && !isAbsolute(way))) {
    return refuse(`${directory} lies in the data directory ${ours}; choose a place outside of it.`);
  }
  return { journal, directory: resolve(directory) };
}

class RunningBackup {
  /** Resolves, whatever the outcome, when nothing is copied any more. */
  readonly ended: Promise<void>;
  readonly #sources: BackupSources;
  readonly #directory: string;
  #progress: { readonly doneBytes: number; readonly totalBytes: number } | undefined;
  /** Set when there is something that the client was not told yet. */
  #hasNews = false;
  #outcome: { readonly done: BackupDone } | { readonly refusal: Refusal } | undefined;
  #wake: () => void = () => {};
  /** Thrown into the copying as soon as it shows progress. */
  #abandoned: BackupAbandoned | undefined;

  constructor(sources: BackupSources, journal: Pick<Journal, "backup">, directory: string) {
    this.#sources = sources;
    this.#directory = directory;
    this.ended = this.#run(journal);
  }

  /** The whole answer when it fails before anything is copied, else lines as the copying goes on. */
  async answer(): Promise<WireResponse> {
    await this.#news();
    if (this.#progress === undefined && this.#outcome !== undefined && "refusal" in this.#outcome) {
      return errorAnswer(...this.#outcome.refusal);
    }
    return {
      status: 200,
      headers: { "content-type": "application/x-ndjson", "cache-control": "no-store" },
      body: { [Symbol.asyncIterator]: () => this.#lines() },
    };
  }

  async #run(journal: Pick<Journal, "backup">): Promise<void> {
    const { log } = this.#sources;
    const directory = this.#directory;
    log.info("a backup begins", { directory });
    try {
      const manifest = await journal.backup(directory, (doneBytes, totalBytes) => {
        if (this.#abandoned !== undefined) throw this.#abandoned;
        if (this.#progress === undefined) this.#checkRoom(totalBytes - doneBytes);
        this.#progress = { doneBytes, totalBytes };
        this.#tell();
      });
      this.#outcome = { done: doneOf(directory, manifest) };
      log.info("a backup is complete", { ...this.#outcome.done });
    } catch (error) {
      this.#outcome = { refusal: refusalOf(error, directory) };
      log.warn("a backup failed", {
        directory,
        reason: error instanceof Error ? error.message : String(error),
      });
    }
    this.#tell();
  }

  /** Better no backup than a full disk under a running server. */
  #checkRoom(neededBytes: number): void {
    this.#sources.files.freeBytes(this.#directory).then(
      (freeBytes) => {
        if (freeBytes < neededBytes)
          this.#abandoned = new BackupAbandoned(
            `the copy needs ${neededBytes} bytes more and ${freeBytes} are free`,
            "ENOSPC",
          );
      },
      // A place that cannot be looked at will show at writing.
      () => {},
    );
  }

  #tell(): void {
    this.#hasNews = true;
    this.#wake();
  }

  async #news(): Promise<void> {
    if (!this.#hasNews) await new Promise<void>((resolve) => (this.#wake = resolve));
    this.#hasNews = false;
  }

  #lines(): AsyncIterator<Uint8Array> {
    let isOver = false;
    let isFirst = true;
    return {
      next: async () => {
        if (isOver) return { done: true, value: undefined };
        if (isFirst && this.#progress !== undefined) {
          isFirst = false;
          return { done: false, value: lineOf(this.#progress) };
        }
        if (this.#outcome === undefined) await this.#news();
        if (this.#outcome === undefined) return { done: false, value: lineOf(this.#progress) };
        isOver = true;
        if ("done" in this.#outcome) return { done: false, value: lineOf(this.#outcome.done) };
        const [, type, message] = this.#outcome.refusal;
        return { done: false, value: lineOf({ __type: type, message }) };
      },
      return: () => {
        isOver = true;
        this.#abandoned ??= new BackupAbandoned("whoever asked for it has gone");
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }
}

class BackupAbandoned extends Error {
  readonly code: string | undefined;
  constructor(message: string, code?: string) {
    super(message);
    this.code = code;
  }
}

function doneOf(directory: string, { files, commit, takenAtMs }: BackupManifest): BackupDone {
  const sizeBytes = files.reduce((sum, { bytes }) => sum + bytes, 0);
  return { directory, sizeBytes, fileCount: files.length, commit, takenAtMs };
}

function refusalOf(error: unknown, directory: string): Refusal {
  const { code, message } = error as NodeJS.ErrnoException;
  if (error instanceof BackupError) return [400, "ValidationException", message];
  switch (code) {
    case "ENOSPC":
    case "EDQUOT":
      return [
        507,
        "InsufficientStorageException",
        `There is no room for the backup: ${message}. What lies in ${directory} is incomplete; remove it.`,
      ];
    case "EACCES":
    case "EPERM":
    case "EROFS":
    case "ENOTDIR":
    case "EEXIST":
      return [400, "ValidationException", `${directory} cannot be used: ${message}.`];
    default:
      return [
        500,
        "InternalFailure",
        `The backup failed: ${message}. What lies in ${directory} is incomplete; remove it.`,
      ];
  }
}

function lineOf(value: unknown): Uint8Array {
  return Buffer.from(`${JSON.stringify(value)}\n`);
}
