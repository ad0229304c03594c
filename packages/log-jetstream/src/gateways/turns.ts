/** How gateways ask each other for a turn at a group's appends, and tell that it is over. */
import type { Broker, Subscription } from "../broker/broker.ts";
import type { Knowledge, Loan } from "../groups/wanted.ts";
import type { Asking } from "./asking.ts";
import type { Presence } from "./presence.ts";
import { decode, encode } from "./json-message.ts";
import { groupKey } from "./rendezvous.ts";

export interface TurnsOptions {
  readonly broker: Broker;
  readonly prefix: string;
  readonly session: string;
  readonly presence: Presence;
  readonly asking: Asking;
  /** Lends the next append of a group to somebody who knows its stream up to a sequence. */
  readonly lend: (group: number, knownSequence: number) => Promise<Loan | undefined>;
  /** How far this gateway knows the state. */
  readonly stateSequence: () => number;
  /** Resolves to whether this gateway knows the state up to there. */
  readonly knowsState: (sequence: number) => Promise<boolean>;
}

/** Who does not get its turn in this time goes without. */
const WAIT_MS_MAX = 5_000;
const END_WAIT_MS_MAX = 1_000;

/**
 * What one gateway tells another of a group. Of logs that were dropped it tells nothing, so whoever takes its word has to know of them by
 * the state.
 */
interface Told extends Knowledge {
  readonly stateSequence: number;
}

interface Question {
  readonly group: number;
  readonly knownSequence: number;
}

interface Lent extends Told {
  readonly turn: number;
}

interface End {
  readonly group: number;
  readonly turn: number;
  readonly told: Told | undefined;
}

export class Turns {
  readonly #options: TurnsOptions;
  readonly #serving: readonly Subscription[];
  /** The turn that somebody has at a group, or had last without telling that it was over. */
  readonly #lent = new Map<number, { readonly turn: number; readonly loan: Loan }>();
  #lastTurn = 0;

  constructor(options: TurnsOptions) {
    this.#options = options;
    const { broker, session } = options;
    this.#serving = [
      broker.respond(this.#subject(session, "turn"), (question) => this.#lend(question)),
      broker.respond(this.#subject(session, "turn-end"), (end) => this.#end(end)),
    ];
  }

  /** Asks the owner of a group for the next append. Undefined when it is this gateway, or does not give it. */
  async take(group: number, knownSequence: number): Promise<Loan | undefined> {
    const { asking, presence, knowsState, stateSequence } = this.#options;
    const owner = presence.ownerOf(groupKey(group));
    if (owner === undefined) return undefined;
    const question: Question = { group, knownSequence };
    const outcome = await asking.request(owner, this.#subject(owner, "turn"), encode(question), WAIT_MS_MAX);
    if (outcome.kind === "nobody") presence.gone(owner);
    const lent =
      outcome.kind === "answered" ? ((decode(outcome.payload) ?? undefined) as Lent | undefined) : undefined;
    if (lent === undefined) return undefined;
    const giveBack = (knowledge: Knowledge | undefined): void => {
      const told = knowledge && { ...knowledge, stateSequence: stateSequence() };
      const end: End = { group, turn: lent.turn, told };
      void asking.request(owner, this.#subject(owner, "turn-end"), encode(end), END_WAIT_MS_MAX);
    };
    if (await knowsState(lent.stateSequence)) return { knowledge: lent, giveBack };
    giveBack(undefined);
    return undefined;
  }

  close(): void {
    for (const subscription of this.#serving) subscription.stop();
  }

  async #lend(payload: Uint8Array): Promise<Uint8Array> {
    const question = (decode(payload) ?? undefined) as Question | undefined;
    if (question === undefined) return encode(undefined);
    const loan = await this.#options.lend(question.group, question.knownSequence);
    if (loan === undefined) return encode(undefined);
    this.#lastTurn += 1;
    this.#lent.set(question.group, { turn: this.#lastTurn, loan });
    const stateSequence = this.#options.stateSequence();
    return encode({ ...loan.knowledge, turn: this.#lastTurn, stateSequence } satisfies Lent);
  }

  async #end(payload: Uint8Array): Promise<Uint8Array> {
    const end = (decode(payload) ?? undefined) as End | undefined;
    const lent = end && this.#lent.get(end.group);
    if (end === undefined || lent?.turn !== end.turn) return encode(undefined);
    this.#lent.delete(end.group);
    const isUsable = end.told !== undefined && (await this.#options.knowsState(end.told.stateSequence));
    lent.loan.giveBack(isUsable ? end.told : undefined);
    return encode(undefined);
  }

  #subject(session: string, what: "turn" | "turn-end"): string {
    return `${this.#options.prefix}.gateway.${session}.${what}`;
  }
}
