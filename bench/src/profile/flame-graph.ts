/** Draws a call tree: who called whom upwards, and time by width. */
import type { Frame } from "./cpu-profile.ts";

export interface FlameGraphOptions {
  readonly title: string;
  /** Of the picture. Pixels. */
  readonly width?: number;
}

const ROW_HEIGHT = 18;
const MARGIN = 10;
const TITLE_HEIGHT = 46;
const CHARACTER_WIDTH = 6.6;
/** Narrower frames are left out: nobody can see them. */
const FRAME_WIDTH_MIN = 0.3;

/** What a frame belongs to, and in which hue it is drawn. */
const GROUPS: readonly (readonly [name: string, pattern: RegExp, hue: number])[] = [
  ["wire", /packages\/wire\//, 205],
  ["streams", /packages\/streams\//, 140],
  ["log", /packages\/log\//, 25],
  ["model, api, runtime", /packages\/(?:model|api|runtime)\//, 50],
  ["server", /packages\/(?:server|cli|millrace|client)\//, 275],
  ["bench", /bench\//, 320],
  ["Node", /^node:/, 0],
];
const OTHER_HUE = 0;

interface Box {
  readonly frame: Frame;
  readonly x: number;
  readonly width: number;
  readonly depth: number;
}

/** An SVG that stands alone: colours fit light and dark, and pointing at a frame shows its name, place and share. */
export function flameGraph(root: Frame, { title, width = 1_400 }: FlameGraphOptions): string {
  const boxes: Box[] = [];
  const place = (frame: Frame, x: number, boxWidth: number, depth: number): void => {
    if (boxWidth < FRAME_WIDTH_MIN) return;
    boxes.push({ frame, x, width: boxWidth, depth });
    let childX = x;
    for (const child of frame.children) {
      const childWidth = (boxWidth * child.totalUs) / frame.totalUs;
      place(child, childX, childWidth, depth + 1);
      childX += childWidth;
    }
  };
  place(root, MARGIN, width - 2 * MARGIN, 0);
  const rows = Math.max(0, ...boxes.map(({ depth }) => depth)) + 1;
  const height = TITLE_HEIGHT + rows * ROW_HEIGHT + MARGIN;
  const drawn = boxes.map((box) => {
    const y = height - MARGIN - (box.depth + 1) * ROW_HEIGHT;
    return drawBox(box, y, root.totalUs);
  });
  const legend = GROUPS.map(
    ([name, , hue], index) =>
      `<rect x="${MARGIN + index * 150}" y="28" width="10" height="10" fill="${colour(hue, name === "Node")}"/>` +
      `<text x="${MARGIN + 15 + index * 150}" y="37" class="ink">${escaped(name)}</text>`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="ui-monospace, monospace" font-size="11">`,
    "<style>.ink{fill:#222}.paper{fill:#fff}@media (prefers-color-scheme: dark){.ink{fill:#ddd}.paper{fill:#1b1b1b}}.name{fill:#111;pointer-events:none}</style>",
    `<rect class="paper" width="${width}" height="${height}"/>`,
    `<text x="${MARGIN}" y="18" class="ink" font-size="14">${escaped(title)}</text>`,
    ...legend,
    ...drawn,
    "</svg>",
    "",
  ].join("\n");
}

function drawBox({ frame, x, width, depth }: Box, y: number, totalUs: number): string {
  const share = ((frame.totalUs / totalUs) * 100).toFixed(1);
  const self = ((frame.selfUs / totalUs) * 100).toFixed(1);
  const label = depth === 0 ? "all" : frame.name;
  const room = Math.floor((width - 4) / CHARACTER_WIDTH);
  const text = room < 3 ? "" : label.length <= room ? label : `${label.slice(0, room - 1)}…`;
  const [, , hue] = GROUPS.find(([, pattern]) => pattern.test(frame.place)) ?? ["", /./, OTHER_HUE];
  const isGrey = depth === 0 || frame.place === "" || frame.place.startsWith("node:");
  return (
    `<g><title>${escaped(`${label} ${frame.place}\n${share} % with what it calls, ${self} % itself`)}</title>` +
    `<rect x="${x.toFixed(2)}" y="${y}" width="${Math.max(0.2, width - 0.4).toFixed(2)}" height="${ROW_HEIGHT - 1}" rx="1" fill="${colour(hue, isGrey)}"/>` +
    (text === ""
      ? ""
      : `<text class="name" x="${(x + 3).toFixed(2)}" y="${y + ROW_HEIGHT - 6}">${escaped(text)}</text>`) +
    "</g>"
  );
}

function colour(hue: number, isGrey: boolean): string {
  return isGrey ? "hsl(0 0% 74%)" : `hsl(${hue} 62% 68%)`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
