/** A soak as a picture: what each sample came to, over time, on a ground of its own for light and dark pages. */
import { formatNumber } from "../harness/table.ts";
import type { Sample } from "./plan.ts";

const WIDTH = 920;
const MARGIN = 28;
const SCALE_WIDTH = 74;
const HEAD_HEIGHT = 92;
const PANEL_HEAD_HEIGHT = 30;
const PLOT_HEIGHT = 96;
const PANEL_GAP = 26;
const FOOT_HEIGHT = 40;
const LEFT = MARGIN + SCALE_WIDTH;
const PLOT_WIDTH = WIDTH - LEFT - MARGIN;

const STYLE = `
    .ground { fill: #ffffff; stroke: #d0d7de; }
    text { font: 13px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328; }
    .title { font-size: 20px; font-weight: 600; }
    .panel { font-size: 14px; font-weight: 600; }
    .quiet { font-size: 12px; fill: #59636e; }
    .end { text-anchor: end; }
    .axis { stroke: #d0d7de; }
    .move { stroke: #a3adb8; stroke-dasharray: 2 3; }
    .line { fill: none; stroke-width: 1.5; stroke-linejoin: round; }
    .first { stroke: #0f6cbd; }
    .second { stroke: #a3adb8; }
    .first-name { fill: #0f6cbd; }
    .second-name { fill: #7d8590; }
    @media (prefers-color-scheme: dark) {
      .ground { fill: #0d1117; stroke: #3d444d; }
      text { fill: #f0f6fc; }
      .quiet { fill: #9198a1; }
      .axis { stroke: #3d444d; }
      .move { stroke: #656c76; }
      .first { stroke: #4aa3f0; }
      .second { stroke: #7d8590; }
      .first-name { fill: #4aa3f0; }
      .second-name { fill: #9198a1; }
    }`;

interface Line {
  readonly name: string;
  of(sample: Sample): number;
}

interface Panel {
  readonly title: string;
  readonly unit: string;
  readonly lines: readonly Line[];
}

const PANELS: readonly Panel[] = [
  {
    title: "Acknowledged",
    unit: "records/s",
    lines: [{ name: "PutRecords", of: ({ recordsPerSecond }) => recordsPerSecond }],
  },
  {
    title: "Latency of PutRecords, from when each was due",
    unit: "ms",
    lines: [
      { name: "p99", of: ({ p99Ms }) => p99Ms },
      { name: "p50", of: ({ p50Ms }) => p50Ms },
    ],
  },
  {
    title: "Memory of the server",
    unit: "MB",
    lines: [
      { name: "resident", of: ({ rssBytes }) => rssBytes / 1e6 },
      { name: "reserved of the bound", of: ({ reservedBytes }) => reservedBytes / 1e6 },
    ],
  },
  {
    title: "Event loop of the server, most that a timer was late",
    unit: "ms",
    lines: [{ name: "lag", of: ({ eventLoopLagMs }) => eventLoopLagMs }],
  },
  {
    title: "On disk",
    unit: "GB",
    lines: [{ name: "all files", of: ({ diskBytes }) => diskBytes / 1e9 }],
  },
];

export interface SoakCaption {
  /** The machine, in one line. */
  readonly machine: string;
  readonly commit: string;
  /** `YYYY-MM-DD`. */
  readonly date: string;
  /** What was done, in one line. */
  readonly load: string;
}

export function drawSoak(samples: readonly Sample[], { machine, commit, date, load }: SoakCaption): string {
  const durationMs = samples.at(-1)?.atMs ?? 0;
  const panelHeight = PANEL_HEAD_HEIGHT + PLOT_HEIGHT + PANEL_GAP;
  const height = HEAD_HEIGHT + PANELS.length * panelHeight + FOOT_HEIGHT - PANEL_GAP;
  const x = (atMs: number) => LEFT + (durationMs === 0 ? 0 : (atMs / durationMs) * PLOT_WIDTH);
  const panels = PANELS.map((panel, index) =>
    drawPanel(panel, samples, HEAD_HEIGHT + index * panelHeight, x),
  );
  const baseline = height - FOOT_HEIGHT + 18;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="title">
  <title id="title">Millrace under a steady load, over time</title>
  <style>${STYLE}
  </style>
  <rect class="ground" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="8"/>
  ${text(MARGIN, 40, "title", "Millrace under a steady load")}
  ${text(MARGIN, 62, "quiet", load)}
  ${text(MARGIN, 80, "quiet", `${machine}; ${date}, commit ${commit}; dotted: service time was moved, and retention made room`)}
${panels.join("\n")}
  ${text(LEFT, baseline, "quiet", "0")}
  ${text(LEFT + PLOT_WIDTH, baseline, "quiet end", `${formatNumber(durationMs / 60_000)} min`)}
</svg>
`;
}

function drawPanel(
  { title, unit, lines }: Panel,
  samples: readonly Sample[],
  top: number,
  x: (atMs: number) => number,
): string {
  const most = Math.max(0, ...samples.flatMap((sample) => lines.map(({ of }) => of(sample))));
  const scaleMax = roundUp(most);
  const plotTop = top + PANEL_HEAD_HEIGHT;
  const plotEnd = plotTop + PLOT_HEIGHT;
  const y = (value: number) => plotEnd - (value / scaleMax) * PLOT_HEIGHT;
  const names = lines.length < 2 ? [] : drawNames(lines, top + 14);
  return [
    `  ${text(MARGIN, top + 14, "panel", `${title}, ${unit}`)}`,
    ...names,
    `  <line class="axis" x1="${LEFT}" y1="${plotEnd}" x2="${LEFT + PLOT_WIDTH}" y2="${plotEnd}"/>`,
    `  <line class="axis" x1="${LEFT}" y1="${plotTop}" x2="${LEFT + PLOT_WIDTH}" y2="${plotTop}"/>`,
    `  ${text(LEFT - 8, plotEnd + 4, "quiet end", "0")}`,
    `  ${text(LEFT - 8, plotTop + 4, "quiet end", formatNumber(scaleMax))}`,
    ...movesOf(samples).map((atMs) => {
      const at = x(atMs).toFixed(1);
      return `  <line class="move" x1="${at}" y1="${plotTop}" x2="${at}" y2="${plotEnd}"/>`;
    }),
    // The line that the panel is about lies on top.
    ...lines.toReversed().map((line, index) => {
      const points = samples.map((sample) => `${x(sample.atMs).toFixed(1)},${y(line.of(sample)).toFixed(1)}`);
      const className = index === lines.length - 1 ? "first" : "second";
      return `  <polyline class="line ${className}" points="${points.join(" ")}"/>`;
    }),
  ].join("\n");
}

function drawNames(lines: readonly Line[], baseline: number): string[] {
  let right = LEFT + PLOT_WIDTH;
  return lines.map(({ name }, index) => {
    const drawn = `  ${text(right, baseline, `${index === 0 ? "first-name" : "second-name"} end`, name)}`;
    // About as wide as the letters are; a name may have room to spare.
    right -= name.length * 7 + 24;
    return drawn;
  });
}

/** When service time was moved: at the samples before the number rose. */
function movesOf(samples: readonly Sample[]): number[] {
  return samples.flatMap(({ atMs, clockMoves }, index) => {
    const next = samples[index + 1];
    return next !== undefined && next.clockMoves > clockMoves ? [atMs] : [];
  });
}

/** The next of 1, 2, 2.5, 5, 10 times a power of ten: an end of a scale that can be read. */
function roundUp(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return power * ([1, 2, 2.5, 5].find((step) => step * power >= value) ?? 10);
}

function text(x: number, y: number, className: string, content: string): string {
  return `<text x="${x}" y="${y}" class="${className}">${escaped(content)}</text>`;
}

function escaped(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
