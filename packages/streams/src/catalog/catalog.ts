/**
 * The streams of all accounts, as far as they are durable. The catalog is a view: it is built from the
 * engine's keyed state when the server starts and then follows its commits; it never runs ahead of them.
 * A change is one atomic commit that expects the header's revision, so that of two changes at once the second
 * is decided again on what the first left.
 */
import { ServiceError } from "@millrace/api";
import type { LogEngine, StateChange } from "@millrace/log";
import type { ConsumerRow, ShardRow, StreamHeader, StreamName } from "./records.ts";
import { CONSUMER_PREFIX, parseKey, SHARD_PREFIX, STREAM_PREFIX, streamKey, turnKey } from "./records.ts";
import { Stream } from "./stream.ts";

/** What becomes of a stream, in one commit. */
export interface StreamChange extends Omit<StateChange, "expect"> {
  /** The new header; `null` deletes the stream. */
  readonly header: StreamHeader | null;
}

/** Sees a stream as it is, or that there is none, and says what becomes of it; undefined: nothing. */
type StreamDecision = (
  stream: Stream | undefined,
) => StreamChange | undefined | Promise<StreamChange | undefined>;

export class Catalog {
  readonly #engine: LogEngine;
  readonly #streams = new Map<string, Stream>();
  /** Most requests are about the stream that the one before was about. */
  #lastFound: Stream | undefined;
  readonly #byIncarnation = new Map<string, Stream>();
  readonly #sortedNames = new Map<string, readonly string[]>();
  readonly #turns = new Map<string, Promise<unknown>>();
  readonly #listeners = new Set<(stream: Stream) => void>();
  readonly #unwatch: () => void;

  constructor(engine: LogEngine) {
    this.#engine = engine;
    // Headers first: rows are found by their stream's incarnation.
    for (const prefix of [STREAM_PREFIX, SHARD_PREFIX, CONSUMER_PREFIX]) {
      for (const [key, { value, revision }] of engine.state.list(prefix)) this.#put(key, value, revision);
    }
    this.#unwatch = engine.state.watch((change, revision) => this.#follow(change, revision));
  }

  /** Stops following the engine. */
  close(): void {
    this.#unwatch();
    for (const stream of this.#streams.values()) stream.wakeWaiters();
  }

  find(name: StreamName): Stream | undefined {
    const last = this.#lastFound;
    if (
      last !== undefined &&
      !last.gone &&
      last.name === name.name &&
      last.accountId === name.accountId &&
      last.region === name.region
    )
      return last;
    return (this.#lastFound = this.#streams.get(streamKey(name)));
  }

  findByIncarnation(incarnation: string): Stream | undefined {
    return this.#byIncarnation.get(incarnation);
  }

  all(): IterableIterator<Stream> {
    return this.#streams.values();
  }

  /** Names of an account's streams in a region, in order. */
  namesOf(accountId: string, region: string): readonly string[] {
    const prefix = streamKey({ accountId, region, name: "" });
    let names = this.#sortedNames.get(prefix);
    if (names === undefined) {
      names = [...this.#streams.keys()]
        .filter((key) => key.startsWith(prefix))
        .map((key) => key.slice(prefix.length))
        .sort();
      this.#sortedNames.set(prefix, names);
    }
    return names;
  }

  /** An account's streams in a region, in order of name. */
  *streamsOf(accountId: string, region: string): IterableIterator<Stream> {
    for (const name of this.namesOf(accountId, region)) {
      const stream = this.find({ accountId, region, name });
      if (stream !== undefined) yield stream;
    }
  }

  /** Open shards of an account in a region, with those that streams in CREATING are about to open. */
  openShardCountOf(accountId: string, region: string): number {
    let count = 0;
    for (const stream of this.streamsOf(accountId, region)) {
      const { pending } = stream.header;
      count += pending?.kind === "create" ? pending.shardCount : stream.openShards().length;
    }
    return count;
  }

  /** Calls back for each stream that a durable commit created or changed. */
  onChange(listener: (stream: Stream) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Changes a stream. `decide` sees the stream as it is (undefined when there is none) and either throws the
   * answer, or returns the change; it is asked again when another commit came first. Resolves once the change
   * is durable and visible here. `decide` returning undefined leaves everything as it is.
   *
   * @throws {ServiceError} InternalFailureException when the engine takes no changes.
   */
  change(name: StreamName, decide: StreamDecision): Promise<void> {
    return this.#commit(() => this.#changeOf(name, decide));
  }

  /** Like {@link change}, where `decide` looks at all streams of the account in the region. See {@link changeAccount}. */
  changeInTurn(name: StreamName, decide: StreamDecision): Promise<void> {
    return this.changeAccount(name, name.name, () => this.#changeOf(name, decide));
  }

  /**
   * Commits what `decide` makes of all streams of an account in a region. Such decisions are made one after the other, whichever
   * processes share the engine: each is decided again when another came first.
   */
  changeAccount(
    { accountId, region }: Omit<StreamName, "name">,
    about: string,
    decide: () => Promise<StateChange | undefined>,
  ): Promise<void> {
    const key = turnKey(accountId, region);
    return this.#inTurn(key, () =>
      this.#commit(async () => {
        const revision = this.#engine.state.get(key)?.revision ?? 0;
        const change = await decide();
        return (
          change && {
            ...change,
            expect: [...(change.expect ?? []), [key, revision]],
            puts: [...(change.puts ?? []), [key, about]],
          }
        );
      }),
    );
  }

  async #changeOf(name: StreamName, decide: StreamDecision): Promise<StateChange | undefined> {
    const key = streamKey(name);
    const stream = this.find(name);
    const revision = stream?.revision ?? 0;
    const decided = await decide(stream);
    if (decided === undefined) return undefined;
    const { header, ...rest } = decided;
    return {
      ...rest,
      expect: [[key, revision]],
      ...(header === null
        ? { deletes: [...(rest.deletes ?? []), key] }
        : { puts: [...(rest.puts ?? []), [key, JSON.stringify(header)]] }),
    };
  }

  async #commit(decide: () => Promise<StateChange | undefined>): Promise<void> {
    for (;;) {
      const change = await decide();
      if (change === undefined) return;
      const outcome = await this.#engine.state.commit(change);
      if (outcome.kind === "committed") return;
      if (outcome.kind === "conflict") continue;
      throw new ServiceError(
        "InternalFailureException",
        `The change could not be stored: ${outcome.reason}.`,
      );
    }
  }

  /** Runs `work` after everything else that took this turn. Within a process nobody then has to decide again. */
  #inTurn<T>(key: string, work: () => Promise<T>): Promise<T> {
    const previous = this.#turns.get(key) ?? Promise.resolve();
    const turn = previous.then(work, work);
    const settled = turn.then(
      () => undefined,
      () => undefined,
    );
    this.#turns.set(key, settled);
    void settled.then(() => {
      if (this.#turns.get(key) === settled) this.#turns.delete(key);
    });
    return turn;
  }

  #follow(change: StateChange, revision: number): void {
    const touched = new Set<Stream>();
    // A header before its rows: a new stream must be there to take its shards.
    const puts = change.puts ?? [];
    for (const [key, value] of puts)
      if (key.startsWith(STREAM_PREFIX)) this.#put(key, value, revision, touched);
    for (const [key, value] of puts)
      if (!key.startsWith(STREAM_PREFIX)) this.#put(key, value, revision, touched);
    this.#delete(change.deletes ?? [], touched);
    for (const stream of touched) {
      for (const listener of this.#listeners) listener(stream);
      stream.wakeWaiters();
    }
  }

  #put(key: string, value: string, revision: number, touched?: Set<Stream>): void {
    const parsed = parseKey(key);
    if (parsed === undefined) return;
    if (parsed.kind === "stream") {
      const header = JSON.parse(value) as StreamHeader;
      const known = this.#streams.get(key);
      if (known !== undefined && known.header.incarnation === header.incarnation) {
        known.header = header;
        known.revision = revision;
        touched?.add(known);
        return;
      }
      if (known !== undefined) this.#forget(key, known);
      const stream = new Stream(parsed, header, revision);
      this.#streams.set(key, stream);
      this.#byIncarnation.set(header.incarnation, stream);
      this.#sortedNames.delete(streamKey({ ...parsed, name: "" }));
      touched?.add(stream);
      return;
    }
    const stream = this.#byIncarnation.get(parsed.incarnation);
    if (stream === undefined) return;
    if (parsed.kind === "shard") stream.putShard(parsed.shardIndex, JSON.parse(value) as ShardRow);
    else stream.consumers.set(parsed.consumerName, JSON.parse(value) as ConsumerRow);
    touched?.add(stream);
  }

  #delete(keys: readonly string[], touched: Set<Stream>): void {
    const shards = new Map<Stream, Set<number>>();
    for (const key of keys) {
      const parsed = parseKey(key);
      if (parsed?.kind === "stream") {
        const stream = this.#streams.get(key);
        if (stream !== undefined) {
          this.#forget(key, stream);
          touched.add(stream);
        }
      } else if (parsed !== undefined) {
        const stream = this.#byIncarnation.get(parsed.incarnation);
        if (stream === undefined) continue;
        touched.add(stream);
        if (parsed.kind === "consumer") stream.consumers.delete(parsed.consumerName);
        else shards.set(stream, (shards.get(stream) ?? new Set()).add(parsed.shardIndex));
      }
    }
    for (const [stream, indexes] of shards) stream.deleteShards(indexes);
  }

  #forget(key: string, stream: Stream): void {
    stream.gone = true;
    this.#streams.delete(key);
    this.#byIncarnation.delete(stream.header.incarnation);
    this.#sortedNames.delete(streamKey({ accountId: stream.accountId, region: stream.region, name: "" }));
  }
}
