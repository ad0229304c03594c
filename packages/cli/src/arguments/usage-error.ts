/** The command line is wrong: told with the reason and, where there is one, the nearest right thing. Exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  /** What `--help` would say more about: a command, or the program when undefined. */
  readonly command: string | undefined;

  constructor(message: string, command?: string) {
    super(message);
    this.command = command;
  }
}
