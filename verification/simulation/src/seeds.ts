/** Which seeds a run of the suite tries, as `run.mjs` says in the environment; by default a few fixed ones. */

/** Seeds of a run that nobody asked anything of; some of them have disks that fail or are full. */
const BY_DEFAULT = "1-7,21,23,55";

export interface Seeds {
  readonly seeds: readonly number[];
  /** Each seed is run twice, and must give the same trace. */
  readonly twice: boolean;
}

export function seedsOf(environment: Readonly<Record<string, string | undefined>>): Seeds {
  const { SIMULATION_SEEDS: asked = BY_DEFAULT, SIMULATION_TWICE: twice } = environment;
  const part = Number(environment["SIMULATION_PART"] ?? 0);
  const partCount = Number(environment["SIMULATION_PARTS"] ?? 1);
  const all = asked.split(",").flatMap(range);
  return {
    seeds: all.filter((_, index) => index % partCount === part),
    twice: twice !== "no",
  };
}

/** `7` or `1-700`. */
function range(text: string): number[] {
  const [first, last = first] = text.split("-").map(Number);
  if (!Number.isSafeInteger(first) || !Number.isSafeInteger(last)) throw new RangeError(`${text} is no seed`);
  return Array.from(
    { length: (last as number) - (first as number) + 1 },
    (_, index) => (first as number) + index,
  );
}
