/** What a reader of a whole stream is told, and what it brings back. */
export interface DrainPlan {
  readonly endpoint: string;
  readonly region: string;
  readonly streamName: string;
  /** Whose leases it takes; one that has not run yet begins at the stream's beginning. */
  readonly applicationName: string;
  /** Records that come before what is measured begins. */
  readonly warmUpCount: number;
  /** User records in the stream. */
  readonly recordCount: number;
}

export interface DrainResult {
  readonly recordCount: number;
  /** Of the data of user records. */
  readonly sizeBytes: number;
  /** Records behind the warm-up. The others are of these. */
  readonly measuredCount: number;
  /** Processor time of the process. */
  readonly cpuMs: number;
  readonly tookMs: number;
}
