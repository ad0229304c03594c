/** Why a step of copying a stream into this service is not taken. */
export class ImportError extends Error {
  override readonly name = "ImportError";
  /**
   * `missing`: there is no such stream or shard being copied. `conflict`: it is not where the copier believes it to be.
   * `impossible`: what is asked cannot be stored as it is. `unkept`: it cannot with the numbers that it has, and could with new ones.
   * `unavailable`: not now.
   */
  readonly kind: "missing" | "conflict" | "impossible" | "unkept" | "unavailable";

  constructor(kind: ImportError["kind"], message: string) {
    super(message);
    this.kind = kind;
  }
}
