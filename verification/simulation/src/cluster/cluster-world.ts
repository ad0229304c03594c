/**
 * Gateways as processes on a simulated cluster: they join, crash, are cut off, and are stopped as SIGSTOP does it. A gateway is the
 * engine and its connection; clients of it are actors.
 */
import { createHash } from "node:crypto";
import type { LogEngine, ShardLogId } from "@millrace/log";
import {
  joinCluster,
  simulatedCluster,
  type SimulatedClient,
  type SimulatedCluster,
} from "@millrace/log-jetstream";
import {
  type Clock,
  memoryLogger,
  type ProcessClock,
  type Random,
  seededRandom,
  type SimulatedClock,
  simulatedClock,
  type Timer,
} from "@millrace/runtime";
import { BrokenPromise } from "../broken-promise.ts";
import type { ClusterProfile } from "./cluster-profile.ts";

export const SERVERS = ["n1", "n2", "n3"] as const;

/** The state's key of the logs that are open. */
export const LOGS_KEY = "logs";

export interface Gateway {
  readonly name: string;
  readonly engine: LogEngine;
  readonly client: SimulatedClient;
  /** Resolves when it has crashed. */
  readonly death: Promise<undefined>;
  isAlive: boolean;
  isStopped: boolean;
  crash(): void;
  stop(): void;
  goOn(): void;
}

const TRACE_LINES_KEPT = 80;

export class ClusterWorld {
  readonly clock: SimulatedClock = simulatedClock();
  readonly cluster: SimulatedCluster;
  readonly profile: ClusterProfile;
  readonly gateways: Gateway[] = [];
  #isOver = false;
  #end: () => void = () => undefined;
  readonly #ended = new Promise<void>((resolve) => (this.#end = resolve));
  readonly #seed: number;
  readonly #hash = createHash("sha256");
  readonly #recent: string[] = [];
  #parts = 0;
  #gatewayCount = 0;

  constructor(seed: number, profile: ClusterProfile) {
    this.#seed = seed;
    this.profile = profile;
    this.cluster = simulatedCluster({ clock: this.clock, random: this.part() });
  }

  /** Actors begin nothing new any more. */
  get isOver(): boolean {
    return this.#isOver;
  }

  endTrouble(): void {
    this.#isOver = true;
    this.#end();
  }

  /** How an actor waits: until the time has passed, or all is over. */
  async pause(durationMs: number): Promise<void> {
    await Promise.race([this.clock.sleep(durationMs), this.#ended]);
  }

  /** A source of chance for one actor: what others draw does not change it. */
  part(): Random {
    this.#parts += 1;
    return seededRandom(this.#seed * 1_000 + this.#parts);
  }

  /** One more line of what happened. */
  note(line: string): void {
    const text = `${this.clock.monotonicMs().toFixed(3)} ${line}`;
    this.#hash.update(text);
    this.#recent.push(text);
    if (this.#recent.length > TRACE_LINES_KEPT) this.#recent.shift();
  }

  get recent(): readonly string[] {
    return this.#recent;
  }

  digest(): string {
    return this.#hash.digest("hex");
  }

  /** Somebody who is there and awake. */
  gateway(place: number): Gateway | undefined {
    const awake = this.gateways.filter(({ isAlive, isStopped }) => isAlive && !isStopped);
    return awake[place % Math.max(1, awake.length)];
  }

  get alive(): readonly Gateway[] {
    return this.gateways.filter(({ isAlive }) => isAlive);
  }

  async join(): Promise<Gateway> {
    this.#gatewayCount += 1;
    const name = `g${this.#gatewayCount}`;
    const { clock, cluster, profile } = this;
    const process = new StoppableClock(
      clock.forProcess((reason, cause) => this.#endedItself(name, reason, cause)),
    );
    const client = cluster.connect(process);
    const engine = await joinCluster({
      broker: client.broker,
      clock: process,
      serviceClock: clock,
      random: this.part(),
      log: memoryLogger(),
      crash: (reason, cause) => this.#endedItself(name, reason, cause),
      cacheBytes: profile.cacheBytes,
      holdMs: profile.holdMs,
      quietMs: profile.quietMs,
      turnBytesMin: profile.turnBytesMin,
      appendCount: profile.appendCount,
    });
    let died: (value: undefined) => void = () => undefined;
    const gateway: Gateway = {
      name,
      engine,
      client,
      death: new Promise((resolve) => (died = resolve)),
      isAlive: true,
      isStopped: false,
      crash() {
        gateway.isAlive = false;
        process.end();
        client.cut();
        died(undefined);
      },
      stop() {
        gateway.isStopped = true;
        process.stop();
      },
      goOn() {
        gateway.isStopped = false;
        process.goOn();
      },
    };
    this.gateways.push(gateway);
    this.note(`${name} has joined`);
    return gateway;
  }

  /** Nothing that happens here is a reason for a gateway to give up. */
  #endedItself(name: string, reason: string, cause: unknown): never {
    const why = cause instanceof Error ? `${reason}: ${cause.message}` : reason;
    const broken =
      cause instanceof BrokenPromise
        ? cause
        : new BrokenPromise("one-total-order", `${name} cannot go on: ${why}`);
    this.clock.fail(broken);
    throw broken;
  }
}

/** The open logs as a gateway knows them. */
export function openLogsOf({ state }: LogEngine): ShardLogId[] {
  return JSON.parse(state.get(LOGS_KEY)?.value ?? "[]") as ShardLogId[];
}

/** The clock of a process that can be stopped: what was due meanwhile happens when it goes on. */
class StoppableClock implements Clock {
  readonly #inner: ProcessClock;
  #isStopped = false;
  #waiting: (() => void)[] = [];

  constructor(inner: ProcessClock) {
    this.#inner = inner;
  }

  nowMs(): number {
    return this.#inner.nowMs();
  }

  monotonicMs(): number {
    return this.#inner.monotonicMs();
  }

  schedule(delayMs: number, callback: () => void | Promise<void>): Timer {
    let isCancelled = false;
    const due = (): void | Promise<void> => {
      if (isCancelled) return undefined;
      if (!this.#isStopped) return callback();
      this.#waiting.push(() => void this.#inner.schedule(0, due));
      return undefined;
    };
    const timer = this.#inner.schedule(delayMs, due);
    return {
      cancel() {
        isCancelled = true;
        timer.cancel();
      },
    };
  }

  soon(callback: () => void): void {
    this.schedule(0, callback);
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.schedule(delayMs, resolve));
  }

  stop(): void {
    this.#isStopped = true;
  }

  goOn(): void {
    this.#isStopped = false;
    for (const due of this.#waiting.splice(0)) due();
  }

  end(): void {
    this.#inner.end();
  }
}
