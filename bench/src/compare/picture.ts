/**
 * The comparison as a picture: bars, one panel for each scenario, on a ground of its own, so that it can be read on
 * light and on dark pages whatever they are.
 */
import { formatNumber } from "../harness/table.ts";
import type { ParticipantOutcome, ScenarioOutcome } from "./run-scenario.ts";

const WIDTH = 920;
const MARGIN = 28;
const NAME_WIDTH = 282;
const VALUE_WIDTH = 110;
const BAR_HEIGHT = 15;
const ROW_HEIGHT = 22;
const HEAD_HEIGHT = 92;
const PANEL_HEAD_HEIGHT = 44;
const PANEL_GAP = 22;
/** A bar that is there but too short to be seen. */
const BAR_WIDTH_MIN = 1.5;
const BAR_WIDTH_MAX = WIDTH - 2 * MARGIN - NAME_WIDTH - VALUE_WIDTH;

const STYLE = `
    .ground { fill: #ffffff; stroke: #d0d7de; }
    text { font: 13px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328; }
    .title { font-size: 20px; font-weight: 600; }
    .panel { font-size: 14px; font-weight: 600; }
    .quiet { font-size: 12px; fill: #59636e; }
    .bar-millrace { fill: #0f6cbd; }
    .bar-peer { fill: #a3adb8; }
    .bar-ceiling { fill: none; stroke: #7d8590; stroke-dasharray: 4 3; }
    @media (prefers-color-scheme: dark) {
      .ground { fill: #0d1117; stroke: #3d444d; }
      text { fill: #f0f6fc; }
      .quiet { fill: #9198a1; }
      .bar-millrace { fill: #4aa3f0; }
      .bar-peer { fill: #656c76; }
      .bar-ceiling { stroke: #9198a1; }
    }`;

const BAR_CLASSES = { Millrace: "bar-millrace", peer: "bar-peer", ceiling: "bar-ceiling" } as const;

export interface PictureCaption {
  /** The machine, in one line. */
  readonly machine: string;
  readonly commit: string;
  /** `YYYY-MM-DD`. */
  readonly date: string;
  readonly rounds: number;
}

export function drawPicture(outcomes: readonly ScenarioOutcome[], caption: PictureCaption): string {
  const panels: string[] = [];
  let y = HEAD_HEIGHT;
  for (const outcome of outcomes) {
    panels.push(drawPanel(outcome, y));
    y += PANEL_HEAD_HEIGHT + drawn(outcome).length * ROW_HEIGHT + PANEL_GAP;
  }
  const height = y + MARGIN / 2;
  const { machine, commit, date, rounds } = caption;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="title">
  <title id="title">Millrace beside other servers and beside what the machine allows</title>
  <style>${STYLE}
  </style>
  <rect class="ground" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="8"/>
  ${text(MARGIN, 40, "title", "Millrace beside its peers and its ceilings")}
  ${text(MARGIN, 62, "quiet", `${machine}; medians of ${rounds}, everybody in turns; ${date}, commit ${commit}`)}
  ${text(MARGIN, 80, "quiet", "dashed: what is left when a part of the work is left out, such as storing anything")}
${panels.join("\n")}
</svg>
`;
}

function drawn({ participants }: ScenarioOutcome): ParticipantOutcome[] {
  return participants.filter(({ isOffScale }) => !isOffScale);
}

function drawPanel(outcome: ScenarioOutcome, top: number): string {
  const { scenario } = outcome;
  const participants = drawn(outcome);
  const most = Math.max(...participants.map(({ medians }) => medians.value));
  const rows = participants.map((one, index) =>
    drawRow(one, top + PANEL_HEAD_HEIGHT + index * ROW_HEIGHT, most),
  );
  const reading = `${scenario.unit}, ${scenario.better} is better`;
  return [
    `  ${text(MARGIN, top + 16, "panel", scenario.question)}`,
    `  ${text(MARGIN, top + 34, "quiet", reading)}`,
    ...rows,
  ].join("\n");
}

function drawRow({ name, role, version, medians }: ParticipantOutcome, top: number, most: number): string {
  const width = most > 0 ? Math.max(BAR_WIDTH_MIN, (medians.value / most) * BAR_WIDTH_MAX) : BAR_WIDTH_MIN;
  const left = MARGIN + NAME_WIDTH;
  const baseline = top + 12;
  const label = version === undefined ? name : `${name} ${version}`;
  return [
    `  ${text(MARGIN, baseline, "", label)}`,
    `  <rect class="${BAR_CLASSES[role]}" x="${left}" y="${top}" width="${width.toFixed(1)}" height="${BAR_HEIGHT}" rx="2"/>`,
    `  ${text(Number((left + width + 8).toFixed(1)), baseline, "", formatNumber(medians.value))}`,
  ].join("\n");
}

function text(x: number, y: number, className: string, content: string): string {
  const classes = className === "" ? "" : ` class="${className}"`;
  return `<text x="${x}" y="${y}"${classes}>${escaped(content)}</text>`;
}

function escaped(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
