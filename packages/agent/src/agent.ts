import type { KinesisClient } from "@millrace/client";
import type { Clock, DirectoryLock, Files, Logger, Random, Timer } from "@millrace/runtime";
import type { AgentConfig } from "./agent-config.ts";
import { type FlowStatus, flowStatus } from "./agent-status.ts";
import { loadCheckpoint, saveCheckpoint } from "./checkpoint-store.ts";
import { Flow } from "./flow.ts";
import { type Gunzip, nodeGunzip } from "./gunzipped-file.ts";

export interface AgentOptions {
  readonly config: AgentConfig;
  readonly files: Files;
  /** Machine time. */
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Where to. It is not closed with the agent. */
  readonly client: KinesisClient;
  /** Where checkpoints are kept. One agent at a time has it. */
  readonly directory: string;
  readonly hostName: string;
  /** Of a shard's 1 MiB/s and 1,000 records/s, how much to use; Infinity for a service without limits. Default: 1. */
  readonly shardRateShare?: number;
  /** How archives are unpacked. Default: as Node does, on threads, which a simulation cannot have. */
  readonly gunzip?: Gunzip;
}

/** Another agent uses the directory. */
export class AgentRunningError extends Error {
  override readonly name = "AgentRunningError";
}

export interface Agent {
  status(): Promise<readonly FlowStatus[]>;
  /** Records that were stored since the start. */
  readonly storedCount: number;
  readonly storedBytes: number;
  /** Stops reading, waits for what is under way as the configuration says, and keeps how far it came. */
  stop(): Promise<void>;
}

/** How much may have to be put again after a crash: what is stored and not kept yet. */
const SAVE_INTERVAL_MS = 500;
const LOCK_ATTEMPTS = 10;
const LOCK_DELAY_MS = 50;

/**
 * Starts to tail files into streams.
 *
 * Every line is put at least once, over crashes, rotations and outages: a position is kept only when everything before
 * it is stored, durably and in one step.
 *
 * @throws {AgentRunningError} when another agent uses the directory.
 * @throws {CheckpointError} when its checkpoints cannot be read.
 */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  const { files, directory } = options;
  await files.makeDirectory(directory);
  const lock = await takeLock(options);
  try {
    const checkpoint = await loadCheckpoint(files, directory);
    const agent = new RunningAgent(options, lock, (id) => checkpoint?.flows.find((flow) => flow.id === id));
    await agent.begin();
    return agent;
  } catch (failure) {
    await lock.release();
    throw failure;
  }
}

/** Who asks for the status holds the lock for a moment. */
async function takeLock({ files, clock, directory }: AgentOptions): Promise<DirectoryLock> {
  for (let attempt = 1; ; attempt += 1) {
    const lock = await files.lock(directory);
    if (lock !== undefined) return lock;
    if (attempt === LOCK_ATTEMPTS) throw new AgentRunningError(`another agent is running with ${directory}`);
    await clock.sleep(LOCK_DELAY_MS);
  }
}

class RunningAgent implements Agent {
  readonly #options: AgentOptions;
  readonly #lock: DirectoryLock;
  readonly #flows: readonly Flow[];
  #isChanged = false;
  #saving: Promise<void> = Promise.resolve();
  #timer: Timer | undefined;
  #running: Promise<unknown> = Promise.resolve();
  #stopped: Promise<void> | undefined;

  constructor(
    options: AgentOptions,
    lock: DirectoryLock,
    checkpointOf: (flowId: string) => ConstructorParameters<typeof Flow>[2],
  ) {
    this.#options = options;
    this.#lock = lock;
    const {
      config,
      files,
      clock,
      random,
      log,
      client,
      hostName,
      shardRateShare = 1,
      gunzip = nodeGunzip,
    } = options;
    const { requestCountMax, requestTimeoutMs, checkpointLifeMs } = config;
    const onChange = () => {
      this.#isChanged = true;
    };
    const around = {
      ...{ files, clock, random, log, client, hostName, shardRateShare, gunzip },
      ...{ requestCountMax, requestTimeoutMs, checkpointLifeMs, onChange },
      save: () => this.#saveIfChanged(),
    };
    this.#flows = config.flows.map((flow) => new Flow(flow, around, checkpointOf(flow.id)));
  }

  get storedCount(): number {
    return this.#flows.reduce((sum, { storedCount }) => sum + storedCount, 0);
  }

  get storedBytes(): number {
    return this.#flows.reduce((sum, { storedBytes }) => sum + storedBytes, 0);
  }

  async begin(): Promise<void> {
    for (const flow of this.#flows) await flow.begin();
    await this.#save();
    this.#running = Promise.all(this.#flows.map((flow) => flow.run()));
    this.#scheduleSave();
  }

  status(): Promise<readonly FlowStatus[]> {
    return Promise.all(this.#flows.map((flow) => flowStatus(flow.checkpoint(), this.#options.files)));
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    const { shutdownTimeoutMs } = this.#options.config;
    await Promise.all(this.#flows.map((flow) => flow.stop(shutdownTimeoutMs)));
    await this.#running;
    this.#timer?.cancel();
    await this.#saving;
    await this.#save();
    for (const flow of this.#flows) await flow.close();
    await this.#lock.release();
  }

  #scheduleSave(): void {
    this.#timer = this.#options.clock.schedule(SAVE_INTERVAL_MS, () => {
      return this.#saveIfChanged().then(() => {
        if (this.#stopped === undefined) this.#scheduleSave();
      });
    });
  }

  /** One after the other. */
  #saveIfChanged(): Promise<void> {
    this.#saving = this.#saving.then(() => this.#saveNow());
    return this.#saving;
  }

  async #saveNow(): Promise<void> {
    if (!this.#isChanged) return;
    try {
      await this.#save();
    } catch (failure) {
      // The older checkpoint stands: more is put again after a crash, and nothing is lost.
      this.#isChanged = true;
      this.#options.log.error("checkpoints cannot be kept", { cause: String(failure) });
    }
  }

  #save(): Promise<void> {
    this.#isChanged = false;
    const { files, directory, clock } = this.#options;
    const flows = this.#flows.map((flow) => flow.checkpoint());
    return saveCheckpoint(files, directory, { version: 1, savedMs: clock.nowMs(), flows });
  }
}
