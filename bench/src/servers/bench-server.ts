/** What a bench asks of a server that it measures, be it ours, another project's, or a ceiling. */

/** A server that can be started. Nothing of it runs, and nothing is on the disk, before `start`. */
export interface BenchServer {
  /** As tables print it. */
  readonly name: string;
  /** Resolves once the server answers requests; rejects with what it printed when it ends before that. */
  start(): Promise<RunningServer>;
}

export interface RunningServer {
  /** `http://HOST:PORT`, without a path. */
  readonly endpoint: string;
  /** Every process of the server: its CPU time is theirs together. */
  readonly pids: readonly number[];
  /** Resolves once the processes have ended and the files that belong to them are gone. */
  stop(): Promise<void>;
}
