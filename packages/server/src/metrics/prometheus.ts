/** Figures in the Prometheus text format 0.0.4. */

export type Labels = Readonly<Record<string, string>>;

export const PROMETHEUS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Builds one scrape. Samples of a metric must be added one after the other. */
export class Exposition {
  readonly #lines: string[] = [];

  metric(name: string, type: "counter" | "gauge" | "histogram" | "summary", help: string): void {
    this.#lines.push(
      `# HELP ${name} ${help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}`,
      `# TYPE ${name} ${type}`,
    );
  }

  sample(name: string, value: number, labels: Labels = {}): void {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
    const where = pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
    this.#lines.push(`${name}${where} ${written(value)}`);
  }

  /** A metric of one sample. */
  single(name: string, type: "counter" | "gauge", help: string, value: number | undefined): void {
    if (value === undefined) return;
    this.metric(name, type, help);
    this.sample(name, value);
  }

  toString(): string {
    return `${this.#lines.join("\n")}\n`;
  }
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function written(value: number): string {
  if (value === Infinity) return "+Inf";
  if (value === -Infinity) return "-Inf";
  return Number.isNaN(value) ? "NaN" : String(value);
}

/** Counts of observations in ranges that double. */
export class Histogram {
  readonly #upperBounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;
  #count = 0;

  constructor(upperBounds: readonly number[]) {
    this.#upperBounds = upperBounds;
    this.#counts = new Array<number>(upperBounds.length).fill(0);
  }

  observe(value: number): void {
    this.#sum += value;
    this.#count += 1;
    const at = this.#upperBounds.findIndex((bound) => value <= bound);
    if (at >= 0) this.#counts[at]! += 1;
  }

  write(to: Exposition, name: string, labels: Labels = {}): void {
    let running = 0;
    for (const [index, bound] of this.#upperBounds.entries()) {
      running += this.#counts[index]!;
      to.sample(`${name}_bucket`, running, { ...labels, le: written(bound) });
    }
    to.sample(`${name}_bucket`, this.#count, { ...labels, le: "+Inf" });
    to.sample(`${name}_sum`, this.#sum, labels);
    to.sample(`${name}_count`, this.#count, labels);
  }
}

/** The value below which the share `quantile` of `sorted` lies; undefined when there is none. */
export function quantileOf(sorted: readonly number[], quantile: number): number | undefined {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * quantile))];
}
