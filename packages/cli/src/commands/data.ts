import { type Inspection, openJournal } from "@millrace/log";
import {
  damageLines,
  recordsNamer,
  recordsText,
  shardText,
  storedStreams,
  type StoredStream,
} from "@millrace/server";
import { isSet } from "../arguments/values.ts";
import type { Command } from "../command.ts";
import { formatPairs, formatTable } from "../output/table.ts";
import { formatBytes, formatCount, formatTime } from "../output/units.ts";
import { DIRECTORY_OPTION, directoryOf, explained, inspect, sum } from "./data-shared.ts";
import { JSON_OPTION, printJson, printLines } from "./stream-shared.ts";

export const dataVerify: Command = {
  name: "data verify",
  summary: "Read every byte of a data directory and check every checksum",
  description:
    "No server may be running on it. Nothing is changed. Ends with code 1 when something is wrong.",
  arguments: [],
  options: [DIRECTORY_OPTION, JSON_OPTION],
  examples: [["millrace data verify --data-dir /var/lib/millrace", "all of it"]],
  async run(world, invocation) {
    const inspection = await inspect(world, directoryOf(world, invocation), true);
    const { files } = inspection;
    const isWhole = isSound(inspection);
    if (isSet(invocation, "json")) printJson(world, damageJson(inspection));
    else if (isWhole) {
      printLines(world, [
        `${formatCount(files.length)} ${files.length === 1 ? "file" : "files"}, ${formatBytes(sum(files.map(({ bytes }) => bytes)))}: every checksum is right`,
      ]);
    } else printLines(world, [...damageLines(inspection), "", ...adviceOn(inspection)]);
    return isWhole ? 0 : 1;
  },
};

export const dataStat: Command = {
  name: "data stat",
  summary: "Say what a data directory holds",
  description: "No server may be running on it. Nothing is changed.",
  arguments: [],
  options: [
    DIRECTORY_OPTION,
    { name: "shards", description: "One line per shard instead of one per stream" },
    JSON_OPTION,
  ],
  examples: [["millrace data stat --shards", "down to the shards"]],
  async run(world, invocation) {
    const inspection = await inspect(world, directoryOf(world, invocation), false);
    const streams = storedStreams(inspection.state);
    if (isSet(invocation, "json")) {
      const { state: _state, ...rest } = inspection;
      printJson(world, { ...rest, streams });
      return 0;
    }
    const live = inspection.files.filter(({ state }) => state !== "left over");
    printLines(world, [
      ...formatPairs([
        ["directory", inspection.directory],
        ["last stop", inspection.clean ? "clean" : "not clean: the next start scans the unsealed tail"],
        ["journal files", `${formatCount(live.length)}, ${formatBytes(sum(live.map(({ bytes }) => bytes)))}`],
        ["commits", formatCount(inspection.commit)],
        [
          "damage",
          isSound(inspection)
            ? "none that a start would meet"
            : `${inspection.damage.length + inspection.missing.length} places: see millrace data verify`,
        ],
      ]),
      "",
      ...(streams.length === 0
        ? ["no streams"]
        : isSet(invocation, "shards")
          ? shardTable(streams, inspection)
          : streamTable(streams, inspection)),
    ]);
    return 0;
  },
};

export const dataRepair: Command = {
  name: "data repair",
  summary: "Open a damaged data directory by giving up what cannot be read",
  description:
    "Without --accept-loss it only says what would be lost. With it, the lost ranges are recorded: reading them answers an error that names the range, and never skips it. Restoring a backup is better.",
  arguments: [],
  options: [
    DIRECTORY_OPTION,
    { name: "accept-loss", description: "Give up the damaged ranges for good" },
    JSON_OPTION,
  ],
  examples: [
    ["millrace data repair", "what would be lost"],
    ["millrace data repair --accept-loss", "give it up"],
  ],
  async run(world, invocation) {
    const directory = directoryOf(world, invocation);
    const asJson = isSet(invocation, "json");
    const before = await inspect(world, directory, false);
    if (isSound(before)) {
      if (asJson) printJson(world, { directory, givenUp: [] });
      else {
        printLines(world, [
          "nothing to repair: a server starts on this directory",
          "Damage that data verify finds beyond that is told when it is read.",
        ]);
      }
      return 0;
    }
    if (!isSet(invocation, "accept-loss")) {
      if (asJson) printJson(world, damageJson(before));
      else {
        printLines(world, [
          ...damageLines(before),
          "",
          "Nothing was changed. Restore a backup, or give this up with --accept-loss.",
        ]);
      }
      return 1;
    }
    const runtime = world.runtime();
    const journal = await explained(
      openJournal(runtime, { directory, serviceClock: runtime.clock, acceptLoss: true }),
    );
    const { acceptedHoles } = journal.recovery;
    await journal.close();
    const named = recordsNamer(before.state);
    const nextIndexes = new Map(before.logs.map(({ logId, nextIndex }) => [logId, nextIndex]));
    const givenUp = acceptedHoles.map((entries) => ({
      ...named(entries),
      // A lost commit may have held records of any shard; the numbers that they would have had stay unused.
      isCertain: entries.fromIndex < (nextIndexes.get(entries.logId) ?? Infinity),
    }));
    if (asJson) printJson(world, { directory, givenUp });
    else {
      printLines(world, [
        "given up:",
        ...givenUp.map((lost) =>
          lost.isCertain
            ? `  ${recordsText(lost)}`
            : `  ${shardText(lost)}: whatever may have been from sequence number ${lost.fromSequenceNumber} on`,
        ),
      ]);
    }
    return 0;
  },
};

function isSound({ damage, missing }: Inspection): boolean {
  return damage.length === 0 && missing.length === 0;
}

/** What is wrong, with the records that are concerned named as their writers know them. */
function damageJson(inspection: Inspection): object {
  const { directory, damage, missing, state } = inspection;
  const named = recordsNamer(state);
  return {
    directory,
    isWhole: isSound(inspection),
    damage: damage.map(({ entries, ...one }) => ({ ...one, ...(entries && { lost: named(entries) }) })),
    missing: missing.map(named),
  };
}

function adviceOn({ damage, missing }: Inspection): string[] {
  const keepsFromStarting = missing.length > 0 || damage.some(({ entries }) => entries === undefined);
  return [
    keepsFromStarting
      ? "A server may refuse to start on this: restore a backup, or see `millrace data repair`."
      : "A server starts on this; reads of what is damaged fail and name it. A backup may still have it.",
  ];
}

function streamTable(streams: readonly StoredStream[], inspection: Inspection): string[] {
  return formatTable(
    ["STREAM", "ACCOUNT", "REGION", "OPEN SHARDS", "BYTES", "OLDEST", "NEWEST", "RETENTION"],
    streams.map(({ streamName, accountId, region, retentionHours, shards }) => [
      streamName,
      accountId,
      region,
      String(shards.filter(({ isClosed }) => !isClosed).length),
      ...held(
        shards.map(({ logId }) => logId),
        inspection,
      ),
      `${retentionHours} h`,
    ]),
  );
}

function shardTable(streams: readonly StoredStream[], inspection: Inspection): string[] {
  return formatTable(
    ["STREAM", "SHARD", "STATE", "BYTES", "OLDEST", "NEWEST"],
    streams.flatMap(({ shards }) =>
      shards.map(({ streamName, shardId, isClosed, logId }) => [
        streamName,
        shardId,
        isClosed ? "closed" : "open",
        ...held([logId], inspection),
      ]),
    ),
  );
}

/** Bytes, oldest and newest arrival of what some logs hold. */
function held(
  logIds: readonly number[],
  { logs }: Inspection,
): [bytes: string, oldest: string, newest: string] {
  const ours = logs.filter(({ logId }) => logIds.includes(logId));
  const oldestMs = Math.min(...ours.map(({ oldestArrivalMs }) => oldestArrivalMs ?? Infinity));
  const newestMs = Math.max(
    0,
    ...ours.filter(({ bytes }) => bytes > 0).map(({ lastArrivalMs }) => lastArrivalMs),
  );
  return [
    formatBytes(sum(ours.map(({ bytes }) => bytes))),
    Number.isFinite(oldestMs) ? formatTime(oldestMs) : "",
    newestMs === 0 ? "" : formatTime(newestMs),
  ];
}
