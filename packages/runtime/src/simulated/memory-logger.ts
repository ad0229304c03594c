import type { LogFields, Logger, LogLevel } from "../logger.ts";

export interface LoggedLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

/** A logger that keeps its lines. */
export interface MemoryLogger extends Logger {
  readonly lines: readonly LoggedLine[];
}

export function memoryLogger(): MemoryLogger {
  const lines: LoggedLine[] = [];
  const keep =
    (level: LogLevel): Logger[LogLevel] =>
    (message, fields = {}) =>
      void lines.push({ level, message, fields });
  return { lines, debug: keep("debug"), info: keep("info"), warn: keep("warn"), error: keep("error") };
}
