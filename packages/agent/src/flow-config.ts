import { type RecordProcessor, recordProcessor } from "./data-processing.ts";
import { type FilePattern, parseFilePattern } from "./file-pattern.ts";
import { javaPattern } from "./java-pattern.ts";
import { type Members, OptionReader } from "./option-reader.ts";

/** What is read and where it goes. */
export interface FlowConfig {
  /** Pattern and stream, by which its checkpoints are found again. */
  readonly id: string;
  readonly filePattern: string;
  readonly pattern: FilePattern;
  readonly stream: string;
  /**
   * `RANDOM`: drawn for each record. `DETERMINISTIC`: from its content. `FILE` (ours): one for each log, so that all
   * of its records lie in one shard, in order.
   */
  readonly partitionKey: "RANDOM" | "DETERMINISTIC" | "FILE";
  /** Where files begin that are there when the flow runs for the first time. Later ones begin at their start. */
  readonly initialPosition: "START_OF_FILE" | "END_OF_FILE";
  /** Ours. Packs records as the KPL does. */
  readonly aggregation: boolean;
  /** Milliseconds that a record waits for others. */
  readonly lingerMs: number;
  readonly requestRecordCountMax: number;
  readonly requestSizeBytesMax: number;
  /** Milliseconds between two looks at files that had nothing new. */
  readonly pollMs: number;
  /** Milliseconds between two looks at the directory. */
  readonly refreshMs: number;
  /** The first line of a record, when records have several. */
  readonly multiLineStart: RegExp | undefined;
  /** Milliseconds without a new line after which a record of several lines counts as complete. */
  readonly multiLineQuietMs: number;
  readonly skipHeaderLines: number;
  /** A line behind which nothing is read. */
  readonly fileFooter: RegExp | undefined;
  /** Ends a record that was cut because it was too long. */
  readonly truncatedRecordTerminator: Buffer;
  readonly retryDelayMs: number;
  readonly retryDelayMsMax: number;
  readonly process: RecordProcessor | undefined;
}

const NO_QUEUE =
  "there is no such queue: what is read and not stored yet is bounded, and reading waits for room";

const REFUSED: Readonly<Record<string, string>> = {
  deliveryStream: "delivery streams are not there yet; a flow goes to a kinesisStream",
  aggregatedRecordSizeBytes: "this belongs to delivery streams, which are not there yet",
  publishQueueCapacity: NO_QUEUE,
  waitOnFullPublishQueueMillis: NO_QUEUE,
  waitOnEmptyPublishQueueMillis: NO_QUEUE,
  waitOnFullRetryQueueMillis: NO_QUEUE,
};

const LINGER_MS = 100;
const MULTI_LINE_QUIET_MS = 5_000;
/** Files are found and rotations seen within this, however long the file allows. */
const REFRESH_MS_MAX = 1_000;
const MIB = 1_048_576;

export function readFlow(
  value: unknown,
  where: string,
  problems: string[],
  skipped: readonly string[],
): FlowConfig | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    problems.push(`${where}: expected an object`);
    return undefined;
  }
  const reader = new OptionReader(value as Members, where, problems, skipped);
  const isDelivery = "deliveryStream" in value;
  for (const [name, reason] of Object.entries(REFUSED)) reader.refuse(name, reason);
  const filePattern = reader.text("filePattern");
  const stream = reader.text("kinesisStream");
  if (filePattern === undefined) reader.problem("filePattern", "is missing");
  if (stream === undefined && !isDelivery) reader.problem("kinesisStream", "is missing");
  const partitionKey =
    reader.choice("partitionKeyOption", ["RANDOM", "DETERMINISTIC", "FILE"] as const) ?? "RANDOM";
  const ageMs = reader.integer("maxBufferAgeMillis", 0, 900_000);
  const retryDelayMs = reader.integer("retryInitialBackoffMillis", 1, 3_600_000) ?? 100;
  const terminator = Buffer.from(takeTerminator(reader));
  const flow: FlowConfig = {
    id: `${filePattern} > ${stream}`,
    filePattern: filePattern ?? "",
    pattern: parsedPattern(filePattern, reader),
    stream: stream ?? "",
    partitionKey,
    initialPosition:
      reader.choice("initialPosition", ["START_OF_FILE", "END_OF_FILE"] as const) ?? "END_OF_FILE",
    aggregation: reader.boolean("aggregation") ?? partitionKey === "FILE",
    lingerMs: ageMs ?? LINGER_MS,
    requestRecordCountMax: reader.integer("maxBufferSizeRecords", 1, 500) ?? 500,
    requestSizeBytesMax: reader.integer("maxBufferSizeBytes", 1, 5 * MIB) ?? 5 * MIB,
    pollMs: reader.integer("minTimeBetweenFilePollsMillis", 1, 3_600_000) ?? 100,
    refreshMs: Math.min(
      REFRESH_MS_MAX,
      reader.integer("maxTimeBetweenFileTrackerRefreshMillis", 1, 3_600_000) ?? REFRESH_MS_MAX,
    ),
    multiLineStart: reader.parsed("multiLineStartPattern", (text) => javaPattern(text, "start")),
    multiLineQuietMs: ageMs ?? MULTI_LINE_QUIET_MS,
    skipHeaderLines: reader.integer("skipHeaderLines", 0, 1_000_000) ?? 0,
    fileFooter: reader.parsed("fileFooterPattern", (text) => javaPattern(text, "whole")),
    truncatedRecordTerminator: terminator,
    retryDelayMs,
    retryDelayMsMax: Math.max(retryDelayMs, reader.integer("retryMaxBackoffMillis", 1, 3_600_000) ?? 10_000),
    process: recordProcessor(
      reader.take("dataProcessingOptions"),
      `${where}.dataProcessingOptions`,
      problems,
    ),
  };
  if (terminator.length > 1_024) reader.problem("truncatedRecordTerminator", "expected at most 1,024 bytes");
  reader.end();
  return flow;
}

function parsedPattern(text: string | undefined, reader: OptionReader): FilePattern {
  try {
    if (text !== undefined) return parseFilePattern(text);
  } catch (failure) {
    reader.problem("filePattern", failure instanceof Error ? failure.message : String(failure));
  }
  return { directory: "", matches: () => false };
}

/** A text that may be empty, or only a line end. */
function takeTerminator(reader: OptionReader): string {
  const value = reader.take("truncatedRecordTerminator") ?? "\n";
  if (typeof value === "string") return value;
  reader.problem("truncatedRecordTerminator", "expected a text");
  return "";
}
