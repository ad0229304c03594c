/** Thrown by `crash` of a simulated process: everything above it on the stack is part of what has ended. */
export class ProcessEnded extends Error {
  readonly reason: string;

  constructor(reason: string, cause?: unknown) {
    super(`the simulated process ended: ${reason}`, { cause });
    this.name = "ProcessEnded";
    this.reason = reason;
  }
}
