/**
 * One machine with a server on it, and the network between it and its clients. Time is virtual, everything
 * happens because of the seed, and every byte that goes in or out is in the trace.
 */
import type { Random, Runtime, SimulatedRuntime, SimulatedWorld } from "@millrace/runtime";
import { seededRandom, simulatedRuntime } from "@millrace/runtime";
import type { WireRequest, WireResponse } from "@millrace/wire";
import type { Profile } from "../profile.ts";
import type { ServerProcess } from "./server-process.ts";
import { startServer } from "./server-process.ts";
import { Trace } from "./trace.ts";

/** Where something stands among all that the clients do, and what service time can have been then. */
export interface Moment {
  /** Goes up with every moment that is asked for. */
  readonly order: number;
  readonly life: number;
  readonly leastMs: number;
  readonly mostMs: number;
}

/** How a life of the server ended. */
export type Death = "kill" | "power cut" | "fault" | "stop" | "refused to start";

/** What the world tells the checkers. */
export interface WorldListener {
  /** The server could not be started on its data. */
  refusedToStart(error: unknown): void;
  /** The server ended itself. */
  endedItself(reason: string, cause: unknown): void;
  /** A handler failed in a way that is no answer. */
  bug(error: unknown): void;
  /** Service time was taken up by a new life. */
  resumed(offsetMs: number, leastMs: number, mostMs: number): void;
}

/** An answer as it arrives: its bytes, or a stream of them. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | IncomingStream;
}

export interface IncomingStream {
  /** Throws {@link ConnectionLost} when the server or the network has gone. */
  readonly pieces: AsyncIterable<Uint8Array>;
  /** The client goes: a piece that it waits for never comes. */
  hangUp(): void;
}

export class ConnectionLost extends Error {
  override readonly name = "ConnectionLost";
}

const GONE = Symbol("gone");

/** A client that hears nothing for this long gives up, virtual milliseconds. */
const CLIENT_PATIENCE_MS = 3_000;

export class World {
  readonly profile: Profile;
  readonly trace = new Trace();
  readonly deaths: Death[] = [];
  /** Clients stop when this is set. */
  ended = false;
  readonly #simulated: SimulatedWorld;
  readonly #listener: WorldListener;
  readonly #random: Random;
  readonly #network: Random;
  #next: Runtime | undefined;
  #server: ServerProcess | undefined;
  #life = 0;
  #order = 0;
  #isRunning = false;
  #answersUnderWay = 0;
  #whenDead: (() => void)[] = [];
  #whenReady: (() => void)[] = [];
  /** Bounds of the offset of service time: they differ while a move of it is under way. */
  #leastOffsetMs = 0;
  #mostOffsetMs = 0;
  #newestServiceMs = 0;

  constructor(seed: number, profile: Profile, listener: WorldListener) {
    this.profile = profile;
    this.#listener = listener;
    const runtime: SimulatedRuntime = simulatedRuntime({
      seed,
      disk: { durableWrites: profile.durableWrites },
      onCrash: (reason, cause) => this.#endedItself(reason, cause),
    });
    this.#next = runtime;
    this.#simulated = runtime.world;
    this.#random = runtime.world.random;
    this.#network = this.part();
  }

  get clock(): SimulatedWorld["clock"] {
    return this.#simulated.clock;
  }

  get disk(): SimulatedWorld["disk"] {
    return this.#simulated.disk;
  }

  get log(): SimulatedWorld["log"] {
    return this.#simulated.log;
  }

  get life(): number {
    return this.#life;
  }

  /** The server, while it takes requests. */
  get server(): ServerProcess | undefined {
    return this.#server;
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** Chance of its own for somebody in the history. */
  part(): Random {
    return seededRandom(this.#random.below(0x1_0000_0000));
  }

  note(event: string, bytes?: Uint8Array): void {
    this.trace.note(this.clock.monotonicMs(), event, bytes);
  }

  /** Makes the history fail. */
  fail(error: unknown): void {
    this.clock.fail(error);
  }

  /** Starts somebody's work; what it throws is the end of the history. */
  spawn(work: () => Promise<void>): Promise<void> {
    const done = work();
    return done.catch((error: unknown) => this.fail(error));
  }

  moment(): Moment {
    this.#order += 1;
    const { leastMs, mostMs } = this.#serviceMs();
    return { order: this.#order, life: this.#life, leastMs, mostMs };
  }

  #serviceMs(): { leastMs: number; mostMs: number } {
    if (this.#server !== undefined) {
      const nowMs = this.#server.serviceNowMs();
      this.#newestServiceMs = Math.max(this.#newestServiceMs, nowMs);
      return { leastMs: nowMs, mostMs: nowMs };
    }
    const machineMs = this.clock.nowMs();
    return {
      leastMs: Math.max(this.#newestServiceMs, machineMs + this.#leastOffsetMs),
      mostMs: Math.max(this.#newestServiceMs, machineMs + this.#mostOffsetMs),
    };
  }

  // ------------------------------------------------------------------- lives of the server

  start(): void {
    const runtime = this.#next ?? this.#simulated.start();
    this.#next = undefined;
    this.#life += 1;
    this.#isRunning = true;
    const life = this.#life;
    this.note(`life ${life} begins`);
    runtime.clock.soon(() => {
      void this.#boot(runtime, life).catch((error: unknown) => this.fail(error));
    });
  }

  async #boot(runtime: Runtime, life: number): Promise<void> {
    let server: ServerProcess;
    try {
      server = await startServer(runtime, {
        limits: this.profile.limits,
        protocolThreads: this.profile.protocolThreads,
        onBug: (error) => {
          if (life === this.#life && this.#isRunning) this.#attempt(() => this.#listener.bug(error));
        },
      });
    } catch (error) {
      if (life !== this.#life || !this.#isRunning) return;
      this.#simulated.crash({ powerCut: false });
      this.#died("refused to start");
      this.#listener.refusedToStart(error);
      return;
    }
    if (life !== this.#life || !this.#isRunning) return;
    const offsetMs = server.offsetMs();
    this.#listener.resumed(offsetMs, this.#leastOffsetMs, this.#mostOffsetMs);
    this.#leastOffsetMs = offsetMs;
    this.#mostOffsetMs = offsetMs;
    this.#server = server;
    this.note(`life ${life} takes requests: ${JSON.stringify(server.journal.recovery)}`);
    for (const wake of this.#whenReady.splice(0)) wake();
  }

  crash(powerCut: boolean): void {
    if (!this.#isRunning) return;
    this.#simulated.crash({ powerCut });
    this.#died(powerCut ? "power cut" : "kill");
  }

  /** Stops the server cleanly, and maybe cuts the power then: says whether. Nobody may be calling the server. */
  async stop(): Promise<{ readonly powerCut: boolean }> {
    const server = this.#server;
    if (server === undefined) throw new Error("there is no server to stop");
    await server.stop();
    const powerCut = this.#random.below(2) === 0;
    this.#simulated.crash({ powerCut });
    this.#died("stop");
    return { powerCut };
  }

  #endedItself(reason: string, cause: unknown): void {
    this.#died("fault");
    this.#attempt(() => this.#listener.endedItself(reason, cause));
  }

  #died(death: Death): void {
    this.deaths.push(death);
    this.#isRunning = false;
    this.#server = undefined;
    this.note(`life ${this.#life} ends: ${death}`);
    for (const wake of this.#whenDead.splice(0)) wake();
  }

  /** For callbacks out of the server: what a checker throws must not look like an error of the server. */
  #attempt(check: () => void): void {
    try {
      check();
    } catch (error) {
      this.fail(error);
    }
  }

  /** Resolves when the present life has ended. */
  dead(): Promise<void> {
    if (!this.#isRunning) return Promise.resolve();
    return new Promise((resolve) => this.#whenDead.push(resolve));
  }

  /** Resolves when a server takes requests. */
  ready(): Promise<void> {
    if (this.#server !== undefined) return Promise.resolve();
    return new Promise((resolve) => this.#whenReady.push(resolve));
  }

  /** Moves service time forward, as far as the server lives to do it. */
  async advance(durationMs: number): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.note(`advance ${durationMs}`);
    const life = this.#life;
    this.#mostOffsetMs = this.#leastOffsetMs + durationMs;
    const moved = await Promise.race([server.advance(durationMs), this.dead()]);
    if (life !== this.#life || moved === undefined) return;
    this.#leastOffsetMs = server.offsetMs();
    this.#mostOffsetMs = this.#leastOffsetMs;
  }

  // ------------------------------------------------------------------- the network

  /** Sends a request. Undefined when no answer came: it may or may not have been carried out. */
  async exchange(request: WireRequest, label: string): Promise<Answer | undefined> {
    const { lossShare } = this.profile;
    // A connection is to one process: what is under way when that dies does not reach the next one.
    const life = this.#life;
    await this.clock.sleep(this.#delayMs());
    const isLost = this.#network.fraction() < lossShare || life !== this.#life;
    if (isLost || this.#server === undefined) return this.#nothingHeard();
    this.note(`> ${label}`, request.body);
    const response = await this.#handledBy(this.#server, request);
    if (response === undefined) return this.#nothingHeard();
    const { status, headers } = response;
    if (Symbol.asyncIterator in response.body) {
      this.note(`< ${label} ${status}`);
      return { status, headers, body: this.#carry(response.body, label) };
    }
    const body = Buffer.concat(response.body instanceof Uint8Array ? [response.body] : response.body);
    response.release?.();
    this.note(`< ${label} ${status}`, body);
    this.#answersUnderWay += 1;
    await this.clock.sleep(this.#delayMs());
    this.#answersUnderWay -= 1;
    return this.#network.fraction() < lossShare ? this.#nothingHeard() : { status, headers, body };
  }

  /** Resolves when every answer that was sent has come. */
  async answersArrived(): Promise<void> {
    while (this.#answersUnderWay > 0) await this.clock.sleep(5);
  }

  #handledBy(server: ServerProcess, request: WireRequest): Promise<WireResponse | undefined> {
    return new Promise((resolve, reject) => {
      const timer = this.clock.schedule(CLIENT_PATIENCE_MS, () => resolve(undefined));
      this.#whenDead.push(() => resolve(undefined));
      server.service(request).then((response) => {
        timer.cancel();
        resolve(response);
      }, reject);
    });
  }

  /** Puts each piece of an answer on its way when the client asks for it. */
  #carry(body: AsyncIterable<Uint8Array>, label: string): IncomingStream {
    const { lossShare } = this.profile;
    const source = body[Symbol.asyncIterator]();
    let hangUp: () => void = () => undefined;
    const isGone = Promise.race([new Promise<void>((resolve) => (hangUp = resolve)), this.dead()]).then(
      (): typeof GONE => GONE,
    );
    const pieces: AsyncIterator<Uint8Array> = {
      next: async () => {
        const piece = await Promise.race([source.next(), isGone]);
        if (piece === GONE) throw new ConnectionLost();
        if (piece.done === true) return piece;
        this.note(`< ${label}`, piece.value);
        await this.clock.sleep(this.#delayMs());
        if (this.#network.fraction() >= lossShare) return piece;
        await source.return?.();
        throw new ConnectionLost();
      },
      return: async () => {
        await source.return?.();
        return { done: true, value: undefined };
      },
    };
    return {
      pieces: { [Symbol.asyncIterator]: () => pieces },
      hangUp: () => {
        hangUp();
        void source.return?.();
      },
    };
  }

  async #nothingHeard(): Promise<undefined> {
    await this.clock.sleep(1 + this.#network.below(50));
    return undefined;
  }

  #delayMs(): number {
    // Mostly a quiet network; now and then a packet that takes its time.
    return this.#network.below(50) === 0
      ? this.#network.fraction() * 300
      : 0.05 + this.#network.fraction() * 1.5;
  }
}
