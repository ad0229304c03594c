/** `--limit NAME=VALUE`: other values for single rates and quotas of Data Streams. */
import { callRates, limits } from "@millrace/streams";
import type { Limit, LimitOptions } from "@millrace/streams";
import type { LimitOverride, ServerOptions } from "./declarations.ts";
import { nearest } from "./nearest.ts";
import type { OptionError } from "./option-error.ts";
import { parseSizeBytes } from "./values.ts";

type Refuse = (reason: string) => OptionError;

const knownLimits: Readonly<Record<string, Limit>> = limits;

/** What can be changed: rates and quotas, then operations whose calls per second are limited. */
export const limitNames: readonly string[] = Object.freeze([
  ...Object.keys(limits).filter((name) => knownLimits[name]!.kind !== "bound"),
  ...Object.entries(callRates).flatMap(([operation, { scope }]) => (scope === "none" ? [] : [operation])),
]);

/** Reads `shardReadCalls=50`, `shardWriteBytes=5MiB`, `ListStreams=off`. @throws {OptionError} */
export function readLimit(text: string, refuse: Refuse): LimitOverride {
  const [, name = "", amount] = /^([^=]*)(?:=(.*))?$/.exec(text) ?? [];
  if (name === "help") throw refuse(`is no limit. There are ${limitNames.join(", ")}`);
  if (amount === undefined || amount === "")
    throw refuse("has no value; write NAME=VALUE, for example shardReadCalls=50");
  const value = valueOf(amount, knownLimits[name]?.unit ?? "");
  checkLimit(name, value, refuse);
  return { name, value };
}

/** NaN for a text that is no amount. */
function valueOf(text: string, unit: string): number {
  if (text === "off") return Infinity;
  if (unit.startsWith("bytes")) return parseSizeBytes(text) ?? NaN;
  return /^\d+$/.test(text) ? Number(text) : NaN;
}

/** @throws {OptionError} for a name that is no limit or cannot be changed, and for what is no amount of it. */
export function checkLimit(name: string, value: number, refuse: Refuse): void {
  if (!limitNames.includes(name)) {
    if (Object.hasOwn(limits, name)) throw refuse("cannot be changed: it is part of the contract");
    if (Object.hasOwn(callRates, name))
      throw refuse("cannot be changed: calls of this operation are not counted");
    const guess = nearest(name, limitNames);
    throw refuse(
      guess === undefined
        ? `is no limit. There are ${limitNames.join(", ")}`
        : `is no limit; did you mean ${guess}?`,
    );
  }
  // Below one call or record a second nothing would ever be let in.
  if (value === Infinity || (Number.isInteger(value) && value >= 1)) return;
  const { unit } = knownLimits[name] ?? { unit: "calls per second" };
  throw refuse(`is not a whole number of ${unit} above 0, nor off`);
}

/** What the service is started with. */
export function limitOptions({ limits: mode, limit }: Pick<ServerOptions, "limits" | "limit">): LimitOptions {
  const isRate = ({ name }: LimitOverride) => Object.hasOwn(limits, name);
  const byName = (chosen: readonly LimitOverride[]) =>
    Object.fromEntries(chosen.map(({ name, value }) => [name, value]));
  return {
    mode,
    overrides: byName(limit.filter(isRate)),
    callsPerSecond: byName(limit.filter((one) => !isRate(one))),
  };
}
