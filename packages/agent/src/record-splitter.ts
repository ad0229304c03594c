/** Where in a file one is, beside the position: what of it decides how the next bytes are read. */
export interface SplitState {
  headerLinesLeft: number;
  /** The rest of a record that was cut is passed over. */
  isDiscarding: boolean;
  /** The footer was seen: nothing more is read. */
  isEnded: boolean;
}

export interface SplitRules {
  /** Bytes of a record, at most. */
  readonly recordSizeBytesMax: number;
  readonly terminator: Buffer;
  readonly multiLineStart: RegExp | undefined;
  readonly fileFooter: RegExp | undefined;
}

/**
 * How much of what has no end yet counts as a record: nothing, as long as the file may go on; complete lines, when a
 * record of several has waited long enough; all, when nothing more comes.
 */
export type Completeness = "going on" | "quiet" | "ended";

/** Takes records as ranges, so that nothing is made for a record that is only copied on. */
export interface RecordSink {
  take(bytes: Buffer, start: number, end: number): void;
}

/** Cuts bytes into records, line ends included. Returns how many bytes are done with. */
export function splitRecords(
  bytes: Buffer,
  state: SplitState,
  rules: SplitRules,
  completeness: Completeness,
  sink: RecordSink,
): number {
  return rules.multiLineStart === undefined
    ? splitLines(bytes, state, rules, completeness, sink)
    : splitGroups(bytes, state, rules, rules.multiLineStart, completeness, sink);
}

function splitLines(
  bytes: Buffer,
  state: SplitState,
  rules: SplitRules,
  completeness: Completeness,
  sink: RecordSink,
): number {
  let start = 0;
  while (start < bytes.length) {
    const lineEnd = bytes.indexOf(10, start) + 1;
    if (lineEnd === 0) {
      if (state.isDiscarding) return bytes.length;
      if (bytes.length - start > rules.recordSizeBytesMax) {
        give(bytes, start, bytes.length, rules, sink);
        state.isDiscarding = true;
        return bytes.length;
      }
      if (completeness !== "ended") return start;
      take(bytes.length);
      return bytes.length;
    }
    take(lineEnd);
    start = lineEnd;
    if (state.isEnded) return start;
  }
  return start;

  function take(end: number): void {
    if (state.isDiscarding) state.isDiscarding = false;
    else if (state.headerLinesLeft > 0) state.headerLinesLeft -= 1;
    else if (rules.fileFooter?.test(lineText(bytes, start, end)) === true) state.isEnded = true;
    else give(bytes, start, end, rules, sink);
  }
}

function splitGroups(
  bytes: Buffer,
  state: SplitState,
  rules: SplitRules,
  multiLineStart: RegExp,
  completeness: Completeness,
  sink: RecordSink,
): number {
  let groupStart = 0;
  let start = 0;
  const close = (end: number) => {
    if (end > groupStart && !state.isDiscarding) give(bytes, groupStart, end, rules, sink);
    groupStart = end;
    state.isDiscarding = false;
  };
  while (start < bytes.length) {
    const found = bytes.indexOf(10, start) + 1;
    if (found === 0 && completeness !== "ended") break;
    const end = found === 0 ? bytes.length : found;
    if (state.headerLinesLeft > 0) {
      state.headerLinesLeft -= 1;
      groupStart = end;
    } else {
      const text = lineText(bytes, start, end);
      if (rules.fileFooter?.test(text) === true) {
        close(start);
        state.isEnded = true;
        return end;
      }
      if (multiLineStart.test(text)) close(start);
    }
    start = end;
  }
  if (completeness !== "going on") close(start);
  else if (state.isDiscarding) {
    // What begins no new record belongs to the one that was cut.
    groupStart = start;
  } else if (bytes.length - groupStart > rules.recordSizeBytesMax) {
    give(bytes, groupStart, bytes.length, rules, sink);
    state.isDiscarding = true;
    // An unfinished line is looked at again when it is whole: it may begin a record.
    groupStart = start > groupStart ? start : bytes.length;
  }
  return groupStart;
}

/** A record within its bound: one that is too long is cut, and ends with the terminator. */
export function boundedRecord(record: Buffer, { recordSizeBytesMax, terminator }: SplitRules): Buffer {
  if (record.length <= recordSizeBytesMax) return record;
  return Buffer.concat([record.subarray(0, recordSizeBytesMax - terminator.length), terminator]);
}

function give(bytes: Buffer, start: number, end: number, rules: SplitRules, sink: RecordSink): void {
  if (end - start <= rules.recordSizeBytesMax) sink.take(bytes, start, end);
  else {
    const cut = boundedRecord(bytes.subarray(start, end), rules);
    sink.take(cut, 0, cut.length);
  }
}

function lineText(bytes: Buffer, start: number, end: number): string {
  const isEnded = bytes[end - 1] === 10;
  return bytes.toString("utf8", start, isEnded ? end - 1 : end);
}
