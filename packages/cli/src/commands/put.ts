import { argumentOf, isSet, textOf } from "../arguments/values.ts";
import { UsageError } from "../arguments/usage-error.ts";
import { type Command, CommandFailure } from "../command.ts";
import { connect, CONNECTION_OPTIONS } from "../connection.ts";
import { progressOn } from "../output/progress.ts";
import { PATIENCE_MS } from "../output/waiting.ts";
import { formatBytes, formatCount } from "../output/units.ts";
import { KeyedWriter } from "../writing/keyed-writer.ts";
import { linesOf } from "../writing/lines.ts";
import { type KeyRule, keyOfLine } from "../writing/record-key.ts";
import { STREAM_ARGUMENT } from "./stream-shared.ts";

const PROGRESS_INTERVAL_MS = 200;

export const put: Command = {
  name: "put",
  summary: "Put the lines of standard input into a stream, one record each",
  description:
    "Records with the same key keep their order: a record is sent when the one before it is stored. What is throttled is tried again. Empty lines are left out.",
  arguments: [STREAM_ARGUMENT],
  options: [
    {
      name: "key",
      value: "K",
      description: "Partition key of every record",
      default: "random, which spreads them evenly",
      group: "Partition key",
    },
    {
      name: "key-field",
      value: "FIELD",
      description: "Lines are JSON; the key is in this field, e.g. user.id",
      group: "Partition key",
    },
    {
      name: "key-regex",
      value: "PATTERN",
      description: "The key is the first group of this match, or all of it",
      group: "Partition key",
    },
    { name: "quiet", description: "Say nothing when all went well" },
    ...CONNECTION_OPTIONS,
  ],
  examples: [
    ["echo hello | millrace put clicks", "one record"],
    ["millrace put clicks --key-field user.id < events.ndjson", "each user's events stay in order"],
    ["tail -F access.log | millrace put web --key-regex '^(\\S+)'", "a log as it grows, by client address"],
  ],
  async run(world, invocation) {
    const streamName = argumentOf(invocation, "STREAM");
    const rule = keyRule(
      textOf(invocation, "key"),
      textOf(invocation, "key-field"),
      textOf(invocation, "key-regex"),
    );
    const { kinesis, tellWait } = await connect(world, invocation);
    const writer = new KeyedWriter(kinesis, streamName, world);
    const progress = progressOn(world.errors);
    const beganMs = world.clock.monotonicMs();
    let shownMs = beganMs;
    const report = () => {
      const { recordCount, sizeBytes, retryCount } = writer.statistics;
      const seconds = Math.max(0.001, (world.clock.monotonicMs() - beganMs) / 1_000);
      const retries = retryCount === 0 ? "" : `, ${formatCount(retryCount)} tried again`;
      return `${formatCount(recordCount)} ${recordCount === 1 ? "record" : "records"}, ${formatBytes(sizeBytes)}, ${formatCount(recordCount / seconds)}/s${retries}`;
    };
    let lineNumber = 0;
    let seenCount = 0;
    const watch = () => {
      const { recordCount } = writer.statistics;
      if (recordCount === seenCount && writer.waitsFor !== undefined) {
        tellWait(`${streamName} takes nothing now: ${writer.waitsFor}`);
      }
      seenCount = recordCount;
      watching = world.clock.schedule(PATIENCE_MS, watch);
    };
    let watching = world.clock.schedule(PATIENCE_MS, watch);
    try {
      for await (const line of linesOf(world.input)) {
        lineNumber += 1;
        if (line.byteLength === 0) continue;
        await writer.put(keyOfLine(line, lineNumber, rule, world.random), line);
        const nowMs = world.clock.monotonicMs();
        if (nowMs - shownMs >= PROGRESS_INTERVAL_MS) {
          shownMs = nowMs;
          progress.show(report());
        }
        if (world.interrupted.aborted) break;
      }
      await writer.finish();
    } catch (failure) {
      progress.clear();
      const { recordCount } = writer.statistics;
      const lines = `${formatCount(lineNumber)} ${lineNumber === 1 ? "line" : "lines"}`;
      if (recordCount > 0) world.errors.write(`stored before this: ${report()}\n`);
      if (failure instanceof CommandFailure) {
        throw new CommandFailure(
          `${failure.message}\n${formatCount(recordCount)} of the ${lines} read were stored.`,
          { cause: failure },
        );
      }
      throw failure;
    } finally {
      watching.cancel();
    }
    progress.clear();
    if (world.interrupted.aborted) throw new CommandFailure(`interrupted after ${report()}`);
    if (!isSet(invocation, "quiet")) world.errors.write(`${report()}\n`);
    return 0;
  },
};

function keyRule(fixed: string | undefined, field: string | undefined, pattern: string | undefined): KeyRule {
  if (field !== undefined && pattern !== undefined) {
    throw new UsageError("--key-field and --key-regex exclude each other", "put");
  }
  if (pattern === undefined) return { fixed, field };
  try {
    return { fixed, pattern: new RegExp(pattern, "u") };
  } catch (failure) {
    throw new UsageError(
      `--key-regex ${pattern}: ${failure instanceof Error ? failure.message : String(failure)}`,
      "put",
    );
  }
}
