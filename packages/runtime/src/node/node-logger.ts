import type { Clock } from "../clock.ts";
import type { LogFields, Logger, LogLevel } from "../logger.ts";

export type LogFormat = "text" | "json";

export interface NodeLoggerOptions {
  /** Lines below this level are not written. */
  readonly level: LogLevel;
  readonly format: LogFormat;
  readonly clock: Pick<Clock, "nowMs">;
  /** Takes one line, line feed included. */
  readonly write: (line: string) => void;
}

const levels: readonly LogLevel[] = ["debug", "info", "warn", "error"];

/** Writes one line per message: for people (`text`) or for machines (`json`). */
export function nodeLogger({ level, format, clock, write }: NodeLoggerOptions): Logger {
  const lowest = levels.indexOf(level);
  const logged = (of: LogLevel): Logger[LogLevel] => {
    if (levels.indexOf(of) < lowest) return () => undefined;
    return (message, fields) => write(logLine(format, clock.nowMs(), of, message, fields));
  };
  return { debug: logged("debug"), info: logged("info"), warn: logged("warn"), error: logged("error") };
}

/**
 * One line, line feed included.
 *
 * - text: `2026-08-23T12:00:00.000+02:00 INFO  listening port=4566 directory="my data"`
 * - json: `{"time":"2026-08-23T10:00:00.000Z","level":"info","message":"listening","port":4566}`
 */
export function logLine(
  format: LogFormat,
  timeMs: number,
  level: LogLevel,
  message: string,
  fields: LogFields = {},
): string {
  if (format === "json") {
    const line: Record<string, unknown> = { time: new Date(timeMs).toISOString(), level, message };
    for (const [name, value] of Object.entries(fields)) line[name in line ? `field.${name}` : name] = value;
    return `${JSON.stringify(line)}\n`;
  }
  let line = `${localIsoTime(timeMs)} ${level.toUpperCase().padEnd(5)} ${printable(message)}`;
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined) line += ` ${name}=${textValue(value)}`;
  }
  return `${line}\n`;
}

function textValue(value: string | number | boolean): string {
  if (typeof value !== "string") return String(value);
  return /^[^\s"=\p{Cc}]+$/u.test(value) ? value : printable(JSON.stringify(value));
}

/** Control characters would break the line, or the terminal: they are written as escapes. */
function printable(text: string): string {
  return text.replace(
    /\p{Cc}/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function localIsoTime(timeMs: number): string {
  const offsetMinutes = -new Date(timeMs).getTimezoneOffset();
  const shifted = new Date(timeMs + offsetMinutes * 60_000).toISOString().slice(0, -1);
  const twoDigits = (value: number): string => String(Math.floor(value)).padStart(2, "0");
  const distance = Math.abs(offsetMinutes);
  return `${shifted}${offsetMinutes < 0 ? "-" : "+"}${twoDigits(distance / 60)}:${twoDigits(distance % 60)}`;
}
