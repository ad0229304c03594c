export type Members = Readonly<Record<string, unknown>>;

/** Takes options out of an object one by one, and notes what is wrong with them, and in the end what nobody took. */
export class OptionReader {
  readonly #left: Map<string, unknown>;
  readonly #where: string;
  readonly #problems: string[];

  /** `where` begins the sentences of `problems`; `skipped` are names that are as good as missing. */
  constructor(members: Members, where: string, problems: string[], skipped: readonly string[]) {
    this.#left = new Map(Object.entries(members).filter(([name]) => !skipped.includes(name)));
    this.#where = where === "" ? "" : `${where}.`;
    this.#problems = problems;
  }

  take(name: string): unknown {
    const value = this.#left.get(name);
    this.#left.delete(name);
    return value ?? undefined;
  }

  problem(name: string, sentence: string): void {
    this.#problems.push(`${this.#where}${name}: ${sentence}`);
  }

  refuse(name: string, reason: string): void {
    if (this.take(name) !== undefined) this.problem(name, reason);
  }

  offOnly(name: string, reason: string): void {
    if (this.boolean(name) === true) this.problem(name, reason);
  }

  /** Undefined when it is missing or empty. */
  text(name: string): string | undefined {
    const value = this.take(name);
    if (value === undefined || value === "") return undefined;
    if (typeof value === "string") return value;
    this.problem(name, "expected a text");
    return undefined;
  }

  /** Numbers may be written as texts, as the Kinesis Agent takes them. */
  integer(name: string, min: number, max: number): number | undefined {
    const value = this.take(name);
    if (value === undefined) return undefined;
    const number = typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value;
    if (typeof number === "number" && Number.isInteger(number) && number >= min && number <= max)
      return number;
    this.problem(name, `expected a whole number from ${min} to ${max}`);
    return undefined;
  }

  boolean(name: string): boolean | undefined {
    const value = this.take(name);
    if (value === undefined) return undefined;
    if (value === true || value === "true") return true;
    if (value === false || value === "false") return false;
    this.problem(name, "expected true or false");
    return undefined;
  }

  choice<Choice extends string>(name: string, choices: readonly Choice[]): Choice | undefined {
    const value = this.take(name);
    const found = choices.find((choice) => choice === value);
    if (value !== undefined && found === undefined) this.problem(name, `expected ${choices.join(" or ")}`);
    return found;
  }

  /** What `make` makes of a text; what it throws is a problem. */
  parsed<Value>(name: string, make: (text: string) => Value): Value | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    try {
      return make(value);
    } catch (failure) {
      this.problem(name, failure instanceof Error ? failure.message : String(failure));
      return undefined;
    }
  }

  /** Whatever is left is unknown. */
  end(): void {
    for (const name of this.#left.keys()) this.problem(name, "no such option is known");
  }
}
