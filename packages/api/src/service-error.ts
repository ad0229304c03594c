/**
 * An answer, not a bug: an error that an operation's contract lists. The wire layer turns it into
 * `__type`, status and body; nothing else is ever sent to a client as a message.
 */
export class ServiceError<Code extends string = string> extends Error {
  override readonly name = "ServiceError";
  readonly code: Code;
  /** HTTP status: 400 unless the fault is ours (500). */
  readonly status: number;
  /** What some services tell beside the message, as members of the error; see `Service.errorDetails`. */
  readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor(
    code: Code,
    message: string,
    options: { status?: number; cause?: unknown; details?: Readonly<Record<string, unknown>> } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.status = options.status ?? (code === "InternalFailureException" ? 500 : 400);
    this.details = options.details;
  }
}
