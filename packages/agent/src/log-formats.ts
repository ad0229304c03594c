/**
 * The formats of LOGTOJSON: which lines they take and what the fields are called. Fields and what is accepted are the
 * Kinesis Agent's.
 */

export interface LogFormat {
  readonly pattern: RegExp;
  readonly fieldNames: readonly string[];
  /** Web servers write `-` for what is missing; it becomes null. */
  readonly dashIsMissing: boolean;
}

const host = String.raw`[\w.:-]+`;
const user = String.raw`[\w.@-]+`;
const quoted = String.raw`"((?:[^"\\]|\\.)+)"`;
const month = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*";
const time = String.raw`\d{1,2}:\d\d:\d\d(?:[.,:]\d+)?`;
const number = String.raw`(-|[+-]?\d+)`;

const common = String.raw`^(${host}) (${user}) (${user}) \[(\d{1,2}/${month}/\d+:${time}\s[+-]?\d+)\] ${quoted} ${number} ${number}`;
const commonFields = ["host", "ident", "authuser", "datetime", "request", "response", "bytes"];

const program = String.raw`([\w./%-]+)(?:\[(\d+)\])?`;
const syslogFields = ["timestamp", "hostname", "program", "processid", "message"];

export const LOG_FORMATS: ReadonlyMap<string, LogFormat> = new Map<string, LogFormat>([
  ["COMMONAPACHELOG", { pattern: new RegExp(common), fieldNames: commonFields, dashIsMissing: true }],
  [
    "COMBINEDAPACHELOG",
    {
      pattern: new RegExp(`${common} ${quoted} ${quoted}`),
      fieldNames: [...commonFields, "referer", "agent"],
      dashIsMissing: true,
    },
  ],
  [
    "APACHEERRORLOG",
    {
      pattern: new RegExp(
        String.raw`^\[([A-Z][a-z]+\s+${month}\s+\d{1,2}\s+${time}\s+\d+)\] \[(?:(\w+):)?(\w+)\] \[pid (\d+)(?::tid (\d+))?\] \[client (${host})\] (.*)$`,
        "s",
      ),
      fieldNames: ["timestamp", "module", "severity", "processid", "threadid", "client", "message"],
      dashIsMissing: true,
    },
  ],
  [
    "SYSLOG",
    {
      pattern: new RegExp(
        String.raw`^(${month}\s+\d{1,2}\s+${time}) (?:<\d+\.\d+> )?(${user}) ${program}: (.*)$`,
        "s",
      ),
      fieldNames: syslogFields,
      dashIsMissing: false,
    },
  ],
  [
    "RFC3339SYSLOG",
    {
      pattern: new RegExp(
        String.raw`^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)) (${user}) ${program}: (.*)$`,
        "s",
      ),
      fieldNames: syslogFields,
      dashIsMissing: false,
    },
  ],
]);
