/** An option that cannot be used. The message names the option, what is wrong, and what would be right. */
export class OptionError extends Error {
  override readonly name = "OptionError";
  /** The option's name in the table, e.g. `dataDir`. */
  readonly option: string;

  constructor(option: string, message: string) {
    super(message);
    this.option = option;
  }
}
