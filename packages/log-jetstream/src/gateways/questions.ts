import type { Clock } from "@millrace/runtime";

export interface QuestionsOptions {
  readonly clock: Clock;
  /** Sends questions, each as JSON. Their answers in the same order, undefined for one that has none; undefined when nobody answers. */
  readonly askTogether: (questions: readonly string[]) => Promise<readonly unknown[] | undefined>;
  /** Nothing waits for an answer any more. */
  readonly onIdle: () => void;
}

/** Characters of one message, which are at most three bytes each: far below what servers take. */
const MESSAGE_LENGTH_MAX = 256 * 1024;

interface Waiting {
  /** As JSON. */
  readonly question: string;
  readonly resolve: (answer: unknown) => void;
}

/**
 * Questions about one topic to one gateway. While a message with questions is under way, those that come wait and are the next one:
 * servers and gateways work for each message, whatever it holds, and a put for another gateway's shard asks one question.
 */
export class Questions {
  readonly #options: QuestionsOptions;
  readonly #waiting: Waiting[] = [];
  #isBusy = false;

  constructor(options: QuestionsOptions) {
    this.#options = options;
  }

  /** Undefined when there is no answer. */
  ask(question: unknown): Promise<unknown> {
    return new Promise((resolve) => {
      this.#waiting.push({ question: JSON.stringify(question ?? null), resolve });
      if (this.#isBusy) return;
      this.#isBusy = true;
      // Those that come in the same turn go with it.
      this.#options.clock.soon(() => void this.#askAll());
    });
  }

  async #askAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const asked = this.#takeMessage();
      const answers = await this.#options.askTogether(asked.map(({ question }) => question));
      for (const [at, { resolve }] of asked.entries()) resolve(answers?.[at]);
      // Who has not answered these will not answer those that wait: each would wait for the same patience once more.
      if (answers === undefined) for (const { resolve } of this.#waiting.splice(0)) resolve(undefined);
    }
    this.#isBusy = false;
    this.#options.onIdle();
  }

  #takeMessage(): Waiting[] {
    let length = 0;
    let count = 0;
    for (const { question } of this.#waiting) {
      length += question.length;
      if (count > 0 && length > MESSAGE_LENGTH_MAX) break;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }
}
