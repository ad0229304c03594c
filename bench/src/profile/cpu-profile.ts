/** What V8 writes with `--cpu-prof`, and the same as a tree of functions with their time. */
import { readFileSync } from "node:fs";
import { SourceMap } from "node:module";
import { fileURLToPath } from "node:url";

/** The parts of a `.cpuprofile` that are read here. Times are in microseconds. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: {
      readonly functionName: string;
      readonly url: string;
      readonly lineNumber: number;
      readonly columnNumber: number;
    };
    readonly children?: readonly number[] | undefined;
  }[];
  /** Ids of the nodes that ran when a sample was taken, and the time before each of them. */
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** A function where it was called from. */
export interface Frame {
  readonly name: string;
  /** `packages/log/src/journal/writer.ts:120`, or what V8 says for what is not in a file. */
  readonly place: string;
  /** In the function itself, and with all that it called. Microseconds. */
  readonly selfUs: number;
  readonly totalUs: number;
  readonly children: readonly Frame[];
}

/** Waiting is no work: it is left out. What V8 calls `(program)` is work outside of functions, such as the system's. */
const IDLE = "(idle)";

/** The call tree of a profile, without the time in which nothing ran. Calls of one function from one place are one frame. */
export function callTree({ nodes, samples, timeDeltas }: CpuProfile): Frame {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const placeOf = places();
  const selfUs = new Map<number, number>();
  for (const [index, id] of samples.entries()) {
    if (byId.get(id)?.callFrame.functionName === IDLE) continue;
    selfUs.set(id, (selfUs.get(id) ?? 0) + Math.max(0, timeDeltas[index] ?? 0));
  }
  const frameOf = (ids: readonly number[]): Frame => {
    const [first] = ids;
    const { functionName, url, lineNumber, columnNumber } = byId.get(first!)!.callFrame;
    const groups = new Map<string, number[]>();
    for (const id of ids) {
      for (const child of byId.get(id)!.children ?? []) {
        const { callFrame } = byId.get(child)!;
        const key = `${callFrame.functionName} ${callFrame.url}:${callFrame.lineNumber}`;
        const group = groups.get(key);
        if (group === undefined) groups.set(key, [child]);
        else group.push(child);
      }
    }
    const children = [...groups.values()].map(frameOf).filter(({ totalUs }) => totalUs > 0);
    const self = ids.reduce((sum, id) => sum + (selfUs.get(id) ?? 0), 0);
    return {
      name: functionName === "" ? "(anonymous)" : functionName,
      place: placeOf(url, lineNumber, columnNumber),
      selfUs: self,
      totalUs: children.reduce((sum, { totalUs }) => sum + totalUs, self),
      children: children.toSorted((one, other) => other.totalUs - one.totalUs),
    };
  };
  const called = new Set(nodes.flatMap(({ children = [] }) => children));
  return frameOf(nodes.filter(({ id }) => !called.has(id)).map(({ id }) => id));
}

export interface FunctionTime {
  readonly name: string;
  readonly place: string;
  readonly selfUs: number;
}

/** Functions by the time that they took themselves, wherever they were called from; the dearest first. */
export function dearestFunctions(root: Frame): FunctionTime[] {
  const times = new Map<string, { name: string; place: string; selfUs: number }>();
  const visit = ({ name, place, selfUs, children }: Frame): void => {
    const key = `${name} ${place}`;
    const known = times.get(key);
    if (known === undefined) times.set(key, { name, place, selfUs });
    else known.selfUs += selfUs;
    for (const child of children) visit(child);
  };
  visit(root);
  return [...times.values()].toSorted((one, other) => other.selfUs - one.selfUs);
}

/** Where functions stand in their sources, or in the built file when it has no map. V8 and maps count from 0. */
function places(): (url: string, lineNumber: number, columnNumber: number) => string {
  const maps = new Map<string, SourceMap | undefined>();
  return (url, lineNumber, columnNumber) => {
    if (url === "") return "";
    if (!maps.has(url)) maps.set(url, mapOf(url));
    const origin = maps.get(url)?.findEntry(lineNumber, columnNumber);
    return origin !== undefined && "originalSource" in origin
      ? shown(new URL(origin.originalSource, url).href, origin.originalLine)
      : shown(url, lineNumber);
  };
}

function mapOf(url: string): SourceMap | undefined {
  if (!url.startsWith("file:")) return undefined;
  try {
    return new SourceMap(JSON.parse(readFileSync(`${fileURLToPath(url)}.map`, "utf8")));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function shown(url: string, lineNumber: number): string {
  const inTree = /\/((?:packages|bench)\/[^?]*)$/.exec(url)?.[1];
  return `${inTree ?? url}:${lineNumber + 1}`;
}
