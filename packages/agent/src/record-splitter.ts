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

/**
 * Cuts bytes into records, line ends included. A record is a range of the bytes, not a copy, unless it was too long.
 * Returns how many bytes are done with.
 */
export function splitRecords(
  bytes: Buffer,
  state: SplitState,
  rules: SplitRules,
  completeness: Completeness,
  records: Buffer[],
): number {
  return rules.multiLineStart === undefined
    ? splitLines(bytes, state, rules, completeness, records)
    : splitGroups(bytes, state, rules, rules.multiLineStart, completeness, records);
}

function splitLines(
  bytes: Buffer,
  state: SplitState,
  rules: SplitRules,
  completeness: Completeness,
  records: Buffer[],
): number {
  let start = 0;
  while (start < bytes.length) {
    const lineEnd = bytes.indexOf(10, start) + 1;
    if (lineEnd === 0) {
      if (state.isDiscarding) return bytes.length;
      if (bytes.length - start > rules.recordSizeBytesMax) {
        records.push(bounded(bytes, start, bytes.length, rules));
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
    else records.push(bounded(bytes, start, end, rules));
  }
}

function splitGroups(
  bytes: Buffer,
  state: SplitState,
  rules: SplitRules,
  multiLineStart: RegExp,
  completeness: Completeness,
  records: Buffer[],
): number {
  let groupStart = 0;
  let start = 0;
  const close = (end: number) => {
    if (end > groupStart && !state.isDiscarding) records.push(bounded(bytes, groupStart, end, rules));
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
    records.push(bounded(bytes, groupStart, bytes.length, rules));
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

function bounded(bytes: Buffer, start: number, end: number, rules: SplitRules): Buffer {
  return boundedRecord(bytes.subarray(start, end), rules);
}

function lineText(bytes: Buffer, start: number, end: number): string {
  const isEnded = bytes[end - 1] === 10;
  return bytes.toString("utf8", start, isEnded ? end - 1 : end);
}
