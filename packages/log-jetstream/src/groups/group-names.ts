import type { ShardLogId } from "@millrace/log";

/** Names of the stream of one log group, and of the subjects in it. */
export interface GroupNames {
  readonly stream: string;
  readonly all: string;
  readonly nothing: string;
  entries(logId: ShardLogId): string;
  close(logId: ShardLogId): string;
  /** Entries and close of a log. */
  whole(logId: ShardLogId): string;
  isClose(subject: string): boolean;
  /** The log that a subject belongs to, if it is one's. */
  logOf(subject: string): ShardLogId | undefined;
}

export function groupNames(prefix: string, group: number): GroupNames {
  const root = `${prefix}.g.${group}`;
  return {
    stream: `${prefix}_g${group}`,
    all: `${root}.>`,
    nothing: `${root}.nothing`,
    entries: (logId) => `${root}.log.${logId}`,
    close: (logId) => `${root}.close.${logId}`,
    whole: (logId) => `${root}.*.${logId}`,
    isClose: (subject) => subject.startsWith(`${root}.close.`),
    logOf: (subject) => {
      const found = /\.(?:log|close)\.(\d+)$/.exec(subject);
      return found === null ? undefined : Number(found[1]);
    },
  };
}
