import type { Output } from "../world.ts";

/**
 * One line that is written over as work goes on, only where a person is looking. Elsewhere it is silent:
 * a log file full of progress helps nobody.
 */
export interface Progress {
  /** `fraction` of the work is done, in [0, 1]; undefined when the whole is not known. */
  show(text: string, fraction?: number): void;
  /** Removes the line, so that a result can stand in its place. */
  clear(): void;
}

const BAR_WIDTH = 24;

export function progressOn(output: Output): Progress {
  if (!output.isTerminal) return { show: () => {}, clear: () => {} };
  let shown = false;
  return {
    show(text, fraction) {
      const line = fraction === undefined ? text : `${bar(fraction)} ${text}`;
      output.write(`\r\u001b[2K${line.slice(0, Math.max(10, output.columnCount - 1))}`);
      shown = true;
    },
    clear() {
      if (shown) output.write("\r\u001b[2K");
      shown = false;
    },
  };
}

function bar(fraction: number): string {
  const whole = Math.min(1, Math.max(0, fraction));
  const filled = Math.round(whole * BAR_WIDTH);
  return `[${"#".repeat(filled)}${"-".repeat(BAR_WIDTH - filled)}] ${String(Math.round(whole * 100)).padStart(3)}%`;
}
