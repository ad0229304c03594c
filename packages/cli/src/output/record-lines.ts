import type { StreamRecord } from "../reading/shard-sources.ts";

export interface RecordStyle {
  readonly json: boolean;
  readonly color: boolean;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A record as one line: its key, a tab and its data; or JSON with everything that is known of it. */
export function recordLine(shardId: string, record: StreamRecord, style: RecordStyle): string {
  const text = textOfBytes(record.Data);
  if (style.json) {
    return `${JSON.stringify({
      shardId,
      sequenceNumber: record.SequenceNumber,
      arrivedAt:
        record.ApproximateArrivalTimestamp === undefined
          ? undefined
          : new Date(record.ApproximateArrivalTimestamp).toISOString(),
      partitionKey: record.PartitionKey,
      ...(text === undefined ? { dataBase64: Buffer.from(record.Data).toString("base64") } : { data: text }),
    })}\n`;
  }
  const key = oneLine(record.PartitionKey ?? "");
  const data = text === undefined ? `base64:${Buffer.from(record.Data).toString("base64")}` : oneLine(text);
  return style.color ? `\u001b[36m${key}\u001b[0m\t${data}\n` : `${key}\t${data}\n`;
}

function textOfBytes(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** One record is one line, and no record moves the cursor of a terminal. */
function oneLine(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replaceAll(/[\u0000-\u0008\u000a-\u001f\u007f]/g, (character) => {
    if (character === "\n") return "\\n";
    if (character === "\r") return "\\r";
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
  });
}
