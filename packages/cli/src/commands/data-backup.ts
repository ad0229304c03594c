import { resolve } from "node:path";
import { TransportError } from "@millrace/client";
import { DirectoryInUseError, openJournal, restoreBackup } from "@millrace/log";
import type { BackupDone } from "@millrace/server";
import type { Invocation } from "../arguments/command.ts";
import { isSet, textOf } from "../arguments/values.ts";
import { type Command, CommandFailure } from "../command.ts";
import { connect, CONNECTION_OPTIONS } from "../connection.ts";
import { formatBytes, formatTime } from "../output/units.ts";
import type { World } from "../world.ts";
import {
  DIRECTORY_OPTION,
  directoryOf,
  explained,
  mustExist,
  required,
  sum,
  withProgress,
} from "./data-shared.ts";
import { JSON_OPTION, printJson, printLines } from "./stream-shared.ts";

export const dataBackup: Command = {
  name: "data backup",
  summary: "Copy a data directory, consistently, into a new one",
  description:
    "Of a running server the server itself makes the copy, as of one moment, while it goes on; --endpoint names it when it is not the one on this machine's port 4566. Of a stopped one this command does.",
  arguments: [],
  options: [
    { name: "to", value: "DIRECTORY", description: "New directory for the copy" },
    DIRECTORY_OPTION,
    JSON_OPTION,
    ...CONNECTION_OPTIONS,
  ],
  examples: [
    ["millrace data backup --to /backup/2026-11-20", "of the server on this machine, or of its directory"],
    [
      "millrace data backup --to /backup/b --endpoint http://127.0.0.1:4570",
      "of the server that listens there",
    ],
  ],
  async run(world, invocation) {
    const to = resolve(required(invocation, "to", "--to DIRECTORY names the new directory for the copy"));
    const done =
      textOf(invocation, "endpoint") === undefined
        ? await backupOfDirectory(world, invocation, to)
        : await backupByServer(world, invocation, { directory: to });
    if (isSet(invocation, "json")) printJson(world, done);
    else printLines(world, [`${formatBytes(done.sizeBytes)} were copied to ${to}`]);
    return 0;
  },
};

/** By this process when nobody uses the directory, else by the server that does. */
async function backupOfDirectory(world: World, invocation: Invocation, to: string): Promise<BackupDone> {
  const directory = directoryOf(world, invocation);
  await mustExist(world, directory);
  const runtime = world.runtime();
  const opened = await explained(
    openJournal(runtime, { directory, serviceClock: runtime.clock }).catch((failure: unknown) => {
      if (failure instanceof DirectoryInUseError) return undefined;
      throw failure;
    }),
  );
  if (opened === undefined) {
    return backupByServer(world, invocation, { directory: to, dataDir: resolve(directory) }).catch(
      (failure: unknown) => {
        if (!(failure instanceof TransportError) || failure.code !== "ECONNREFUSED") throw failure;
        throw new CommandFailure(
          `a server uses ${directory} and nobody answers where it was looked for (${failure.message}); --endpoint names it`,
        );
      },
    );
  }
  try {
    const { files, commit, takenAtMs } = await withProgress(world, (onProgress) =>
      explained(opened.backup(to, onProgress)),
    );
    const sizeBytes = sum(files.map(({ bytes }) => bytes));
    return { directory: to, sizeBytes, fileCount: files.length, commit, takenAtMs };
  } finally {
    await opened.close();
  }
}

type BackupLine =
  | BackupDone
  | { readonly doneBytes: number; readonly totalBytes: number }
  | { readonly message: string };

/** `dataDir` makes sure that it is the server of that directory. */
async function backupByServer(
  world: World,
  invocation: Invocation,
  asked: { readonly directory: string; readonly dataDir?: string },
): Promise<BackupDone> {
  const { controlLines } = await connect(world, invocation);
  return withProgress(world, async (onBytes, progress) => {
    progress.show("the server is copying");
    for await (const value of controlLines("POST", "backup", asked)) {
      const line = value as BackupLine;
      if ("message" in line) throw new CommandFailure(line.message);
      if ("sizeBytes" in line) return line;
      onBytes(line.doneBytes, line.totalBytes);
    }
    throw new CommandFailure(
      `the server broke off; what lies in ${asked.directory} is incomplete, remove it`,
    );
  });
}

export const dataRestore: Command = {
  name: "data restore",
  summary: "Check a backup and make a data directory of it",
  arguments: [],
  options: [
    { name: "from", value: "DIRECTORY", description: "The backup" },
    { ...DIRECTORY_OPTION, description: "New data directory; it must be empty or missing" },
    JSON_OPTION,
  ],
  examples: [
    [
      "millrace data restore --from /backup/2026-11-20 --data-dir restored",
      "then: millrace serve --data-dir restored",
    ],
  ],
  async run(world, invocation) {
    const from = required(invocation, "from", "--from DIRECTORY names the backup");
    const directory = directoryOf(world, invocation);
    const { takenAtMs, commit, files } = await withProgress(world, (onProgress) =>
      explained(restoreBackup(world.runtime(), { from, directory, onProgress })),
    );
    const sizeBytes = sum(files.map(({ bytes }) => bytes));
    if (isSet(invocation, "json"))
      printJson(world, { from, directory, sizeBytes, fileCount: files.length, commit, takenAtMs });
    else
      printLines(world, [
        `${directory} holds the backup of ${formatTime(takenAtMs)}, ${formatBytes(sizeBytes)}`,
      ]);
    return 0;
  },
};
