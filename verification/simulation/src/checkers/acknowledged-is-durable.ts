/**
 * Promise 1: what was acknowledged is there after every kill and every power cut, and so is what was read.
 * It also says whose promise was broken when a record is missing, because the others are told by how.
 */
import { BrokenPromise } from "../broken-promise.ts";
import type { KnownRecord } from "../ledger.ts";
import { mayBeGone } from "../ledger.ts";
import { covered } from "./covered.ts";
import type { Checker, Page, Past } from "./events.ts";

export function acknowledgedIsDurable(past: Past): Checker {
  return {
    name: "acknowledged-is-durable",

    read(page) {
      const held = new Set(page.records.map(({ sequenceNumber }) => sequenceNumber));
      for (const record of covered(page)) {
        if (held.has(record.sequenceNumber)) continue;
        if (mayBeGone(page.stream, record, page.sent, page.received)) continue;
        // Whose bits were flipped may be anybody's; the reads that say so are checked elsewhere.
        if (page.stream.rotten) continue;
        throw brokenBy(past, page, record);
      }
    },

    missing({ what, proven, received }) {
      if (past.diskWasBad(proven.life, received.life)) throw new BrokenPromise("faults-never-lose", what);
      const hasDied = past.deaths.length >= proven.life && received.life > proven.life;
      throw new BrokenPromise(
        hasDied ? "acknowledged-is-durable" : "kept-until-retention-and-gone-after",
        what,
      );
    },

    unreadable({ shard, stream, from, to, received }) {
      for (const record of shard.sorted) {
        const { sequenceNumber, attempt, acknowledged } = record;
        if (acknowledged === undefined || sequenceNumber < from || sequenceNumber >= to) continue;
        const what = `record ${attempt.id} of ${stream.name}/${shard.shardId}, acknowledged as ${sequenceNumber}, is damaged`;
        // What a failed write left in the cache only is lost with the power, maybe lives later.
        const isFaults = past.diskWasBad(attempt.sent.life, received.life);
        throw new BrokenPromise(isFaults ? "faults-never-lose" : "acknowledged-is-durable", what);
      }
    },

    refusedToStart({ error, excuses }) {
      if (excuses.rot) return;
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      if ((code === "EIO" && excuses.failingDisk) || (code === "ENOSPC" && excuses.fullDisk)) return;
      throw new BrokenPromise("acknowledged-is-durable", `the server does not start again: ${String(error)}`);
    },
  };
}

function brokenBy({ deaths, diskWasBad }: Past, page: Page, record: KnownRecord): BrokenPromise {
  const { sequenceNumber, attempt, proven, acknowledged, wasRead } = record;
  const how = acknowledged === undefined ? "read" : wasRead ? "acknowledged and read" : "acknowledged";
  const what =
    `record ${attempt.id} of ${page.stream.name}/${page.shard.shardId}, ${how} as ${sequenceNumber}, ` +
    `is not in a page from ${JSON.stringify(page.cursor)} to ${page.records.at(-1)?.sequenceNumber ?? "the tip"}`;
  const since = deaths.slice(proven.life - 1, page.received.life - 1);
  if (diskWasBad(attempt.sent.life, page.received.life)) {
    return new BrokenPromise("faults-never-lose", `lost with a bad disk and ${since.join(", ")}: ${what}`);
  }
  if (since.length === 0) {
    // Nothing happened to the server: a reader was led past it, or retention took it before its time.
    const olderIsThere = page.records.some((other) => other.sequenceNumber < sequenceNumber);
    return olderIsThere || page.cursor.kind !== "horizon"
      ? new BrokenPromise("one-total-order", `a gap: ${what}`)
      : new BrokenPromise("kept-until-retention-and-gone-after", `gone before its time: ${what}`);
  }
  if (acknowledged === undefined) {
    return new BrokenPromise("one-total-order", `taken back by ${since.join(", ")}: ${what}`);
  }
  return new BrokenPromise("acknowledged-is-durable", `lost with ${since.join(", ")}: ${what}`);
}
