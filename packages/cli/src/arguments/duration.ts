/** Milliseconds as people say them, at most two units: `1 h 30 min`, `25 h`, `250 ms`. */
export function formatDuration(durationMs: number): string {
  if (durationMs < 1_000) return `${Math.round(durationMs)} ms`;
  const parts: string[] = [];
  let rest = Math.round(durationMs / 1_000);
  for (const [name, seconds] of [
    ["d", 86_400],
    ["h", 3_600],
    ["min", 60],
    ["s", 1],
  ] as const) {
    // Hours are said up to two days: that is how retention is spelled.
    const count = name === "d" && rest < 2 * 86_400 ? 0 : Math.floor(rest / seconds);
    if (count === 0) continue;
    parts.push(`${count} ${name}`);
    rest -= count * seconds;
  }
  return parts.slice(0, 2).join(" ");
}
