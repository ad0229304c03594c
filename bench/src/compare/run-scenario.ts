/** Runs a scenario in rounds: everybody once in each, in the same order, so that what changes with time hits all. */
import { median } from "../harness/rounds.ts";
import type { CompareBudget, Figures, Participant, Role, Scenario, Session } from "./scenario.ts";

export interface ParticipantOutcome {
  readonly name: string;
  readonly role: Role;
  readonly version: string | undefined;
  readonly isOffScale: boolean;
  /** One of each round. */
  readonly turns: readonly Figures[];
  /** Of each figure by itself. */
  readonly medians: Figures;
}

export interface ScenarioOutcome {
  readonly scenario: Scenario;
  readonly participants: readonly ParticipantOutcome[];
  readonly verdicts: readonly BudgetVerdict[];
  readonly notes: readonly string[];
}

export interface BudgetVerdict {
  readonly budget: CompareBudget;
  /** Undefined when somebody whom the budget names was left out. */
  readonly found: number | undefined;
  readonly verdict: "pass" | "miss" | "not judged";
}

export interface RunScenarioOptions {
  readonly participants: readonly Participant[];
  readonly rounds: number;
  progress(text: string): void;
}

/** Rejects when anybody answers an error or cannot be started: a comparison without somebody is none. */
export async function runScenario(
  scenario: Scenario,
  { participants, rounds, progress }: RunScenarioOptions,
): Promise<ScenarioOutcome> {
  const keepsOpen = scenario.opens === "once";
  const stage = new Stage(keepsOpen);
  const turns = new Map<Participant, Figures[]>(participants.map((participant) => [participant, []]));
  try {
    const durationsMs = new Map<Participant, number>();
    for (const participant of participants) {
      progress(`${participant.name}: trial`);
      durationsMs.set(participant, await stage.enter(participant, (session) => session.trial()));
    }
    for (let round = 0; round < rounds; round += 1) {
      for (const participant of participants) {
        progress(`${participant.name}: round ${round + 1} of ${rounds}`);
        const figures = await stage.enter(participant, (session) =>
          session.turn(durationsMs.get(participant)!),
        );
        turns.get(participant)!.push(figures);
      }
    }
  } finally {
    await stage.clear();
    for (const participant of participants) participant.dispose?.();
  }
  const outcomes = participants.map((participant) => outcomeOf(participant, turns.get(participant)!));
  return {
    scenario,
    participants: outcomes,
    verdicts: scenario.budgets.map((budget) => judge(budget, outcomes)),
    notes: participants.flatMap(({ notes }) => notes ?? []),
  };
}

/** Lets one participant at a time do something. Those who stay open stand still meanwhile. */
class Stage {
  readonly #keepsOpen: boolean;
  readonly #open = new Map<Participant, Session>();

  constructor(keepsOpen: boolean) {
    this.#keepsOpen = keepsOpen;
  }

  async enter<Result>(participant: Participant, act: (session: Session) => Promise<Result>): Promise<Result> {
    try {
      const session = await this.#sessionOf(participant);
      const result = await act(session);
      if (this.#keepsOpen) signal(session, "SIGSTOP");
      else {
        this.#open.delete(participant);
        await session.close();
      }
      return result;
    } catch (error) {
      throw new Error(`${participant.name}: ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      });
    }
  }

  async #sessionOf(participant: Participant): Promise<Session> {
    const open = this.#open.get(participant);
    if (open !== undefined) {
      signal(open, "SIGCONT");
      return open;
    }
    const session = await participant.open();
    this.#open.set(participant, session);
    return session;
  }

  /** Closes what is open, after a failure too, whose error it must not hide. */
  async clear(): Promise<void> {
    for (const session of this.#open.values()) {
      signal(session, "SIGCONT");
      await session.close().catch(() => undefined);
    }
    this.#open.clear();
  }
}

function signal({ pids }: Session, name: "SIGSTOP" | "SIGCONT"): void {
  for (const pid of pids) {
    try {
      process.kill(pid, name);
    } catch {
      // It has ended, which its next turn will tell.
    }
  }
}

function outcomeOf(participant: Participant, turns: readonly Figures[]): ParticipantOutcome {
  const { name, role, version, isOffScale = false } = participant;
  const names = ["value", "p50Ms", "p99Ms", "serverCores", "generatorCores"] as const;
  const medians = Object.fromEntries(
    names.flatMap((figure) => {
      const values = turns.flatMap((turn) => turn[figure] ?? []);
      return values.length === 0 ? [] : [[figure, median(values)] as const];
    }),
  );
  return { name, role, version, isOffScale, turns, medians: medians as unknown as Figures };
}

function judge(budget: CompareBudget, outcomes: readonly ParticipantOutcome[]): BudgetVerdict {
  const { of, figure, against, atLeast = -Infinity, atMost = Infinity } = budget;
  const figureOf = (name: string) => outcomes.find((outcome) => outcome.name === name)?.medians[figure];
  const own = figureOf(of);
  const other = against === undefined ? 1 : figureOf(against);
  if (own === undefined || other === undefined) return { budget, found: undefined, verdict: "not judged" };
  const found = own / other;
  return { budget, found, verdict: found >= atLeast && found <= atMost ? "pass" : "miss" };
}
