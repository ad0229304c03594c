/** Where more connections stop bringing more. */

/** A rate must rise by more than this share for a step to count. */
export const RISE_MIN = 0.1;

export interface RateStep {
  readonly connections: number;
  /** Of anything in a second. */
  readonly rate: number;
}

/**
 * The first step behind which the rate rises by no more than {@link RISE_MIN} a step. A step that falls short alone is a bad
 * moment, not a knee: the one behind it may make up for both. The last step when the rate rises to the end.
 */
export function kneeOf<Step extends RateStep>(steps: readonly Step[]): Step {
  const last = steps.at(-1);
  if (last === undefined) throw new RangeError("there is no knee without steps");
  const rises = (step: Step, behind: Step | undefined, stepCount: number) =>
    behind !== undefined && behind.rate > step.rate * (1 + RISE_MIN) ** stepCount;
  const at = steps.findIndex(
    (step, index) => !rises(step, steps[index + 1], 1) && !rises(step, steps[index + 2], 2),
  );
  return steps[at] ?? last;
}

/** 1, 2, 4, … up to `most`, which is the last one whatever it is. */
export function doublings(most: number): number[] {
  const steps: number[] = [];
  for (let step = 1; step < most; step *= 2) steps.push(step);
  return [...steps, most];
}
