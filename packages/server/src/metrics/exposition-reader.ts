/** Reads Prometheus text 0.0.4 as a scraper does, for tests: refuses what a scraper or its linter would. */
export interface Family {
  readonly type: string;
  readonly help: string;
  readonly samples: readonly {
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly value: number;
  }[];
}

/** @throws {Error} with the line that is wrong. */
export function readExposition(text: string): Map<string, Family> {
  const families = new Map<string, Family & { samples: Family["samples"][number][] }>();
  let helpOf: readonly [name: string, help: string] | undefined;
  let current: string | undefined;
  if (!text.endsWith("\n")) throw new Error("the last line does not end");
  for (const line of text.slice(0, -1).split("\n")) {
    const wrong = (reason: string) => new Error(`${reason}: ${line}`);
    const comment = /^# (HELP|TYPE) ([a-zA-Z_:][\w:]*) (.+)$/.exec(line);
    if (comment !== null) {
      const [, kind, name = "", rest = ""] = comment;
      if (kind === "HELP") helpOf = [name, rest];
      else {
        if (helpOf?.[0] !== name) throw wrong("no help stands in front of it");
        if (families.has(name)) throw wrong("the metric comes twice");
        families.set(name, { type: rest, help: helpOf[1], samples: [] });
        current = name;
      }
      continue;
    }
    const sample = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (sample === null) throw wrong("this is no sample");
    const [, name = "", inBraces = "", valueText = ""] = sample;
    const family = families.get(current ?? "");
    if (family === undefined || !suffixes(family.type).some((suffix) => name === `${current}${suffix}`))
      throw wrong("it is not of the metric above");
    const value = valueText === "+Inf" ? Infinity : Number(valueText);
    if (Number.isNaN(value) && valueText !== "NaN") throw wrong("this is no number");
    const labels = readLabels(inBraces);
    if (labels === undefined) throw wrong("the labels cannot be read");
    const key = JSON.stringify([name, labels]);
    if (family.samples.some((other) => JSON.stringify([other.name, other.labels]) === key))
      throw wrong("it comes twice");
    family.samples.push({ name, labels, value });
  }
  return families;
}

function suffixes(type: string): readonly string[] {
  if (type === "histogram") return ["_bucket", "_sum", "_count"];
  if (type === "summary") return ["", "_sum", "_count"];
  return type === "counter" || type === "gauge" ? [""] : [];
}

function readLabels(text: string): Record<string, string> | undefined {
  const labels: Record<string, string> = {};
  const one = /([a-zA-Z_]\w*)="((?:[^"\\]|\\["\\n])*)"(?:,|$)/y;
  while (one.lastIndex < text.length) {
    const found = one.exec(text);
    if (found === null || found[1]! in labels) return undefined;
    labels[found[1]!] = found[2]!.replaceAll(/\\(.)/g, (_, escaped: string) =>
      escaped === "n" ? "\n" : escaped,
    );
    if (one.lastIndex === 0) return undefined;
  }
  return labels;
}

/** What the conventions for names, units and types say against the metrics. */
export function unconventional(families: ReadonlyMap<string, Family>): string[] {
  const wrong: string[] = [];
  for (const [name, { type, help, samples }] of families) {
    const say = (what: string) => wrong.push(`${name} ${what}`);
    if (!/^(millrace|process)_[a-z0-9_]+$/.test(name)) say("is not in snake case under our prefix");
    if ((type === "counter") !== name.endsWith("_total")) say("ends in _total exactly when it is a counter");
    if (
      /_(ms|millis|milliseconds|kb|mb|kib|mib|minutes|hours|percent|count|bucket|sum|gauge|counter)(_|$)/.test(
        name,
      )
    )
      say("has no base unit, or a reserved ending");
    if (!help.endsWith(".")) say("has no help that is a sentence");
    // A name with _total cut off is the same metric to OpenMetrics.
    if (type === "counter" && families.has(name.slice(0, -"_total".length)))
      say("is another metric's name with _total");
    if (type === "histogram") wrong.push(...wrongHistograms(name, samples));
    if (type === "summary") {
      for (const part of ["_sum", "_count"])
        if (!samples.some((sample) => sample.name === `${name}${part}`)) say(`has no ${part}`);
    } else if (samples.some(({ labels }) => "quantile" in labels)) say("has quantiles and is no summary");
    if (type === "counter" && samples.some(({ value }) => value < 0)) say("counts below zero");
  }
  return wrong;
}

function wrongHistograms(name: string, samples: Family["samples"]): string[] {
  const wrong: string[] = [];
  const series = new Map<string, { bounds: number[]; counts: number[]; count: number | undefined }>();
  for (const { name: part, labels, value } of samples) {
    const { le, ...others } = labels;
    const key = JSON.stringify(others);
    const one = series.get(key) ?? { bounds: [], counts: [], count: undefined };
    series.set(key, one);
    if (part.endsWith("_bucket")) {
      one.bounds.push(le === "+Inf" ? Infinity : Number(le));
      one.counts.push(value);
    } else if (part.endsWith("_count")) one.count = value;
  }
  for (const [key, { bounds, counts, count }] of series) {
    const rises = (list: readonly number[]) => list.every((value, at) => at === 0 || value >= list[at - 1]!);
    if (!rises(bounds) || !rises(counts) || bounds.at(-1) !== Infinity || counts.at(-1) !== count)
      wrong.push(`${name} ${key} is no histogram`);
  }
  return wrong;
}
