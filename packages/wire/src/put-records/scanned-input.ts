/**
 * A PutRecords request whose records were found in its body without making objects of them. To whoever does not know that,
 * it is the decoded input like any other.
 */
import type { InputOf, PutRecords } from "@millrace/api";
import { PutRecords as contract, structure, violations } from "@millrace/api";
import type { RecordColumns } from "@millrace/model";

type Input = InputOf<typeof PutRecords>;

const { StreamName, StreamARN } = contract.input.members;
/** What a scanned request may say beside its records. */
const Named = structure({ StreamName, StreamARN });

export class ScannedPutRecords implements Input {
  declare readonly StreamName?: string;
  declare readonly StreamARN?: string;
  readonly #columns: RecordColumns;
  readonly #release: () => void;
  /** The same bytes given back twice would be handed out twice. */
  #isReleased = false;
  #records: Input["Records"] | undefined;

  constructor(named: NamedStream, columns: RecordColumns, release: () => void) {
    Object.assign(this, named);
    this.#columns = columns;
    this.#release = release;
  }

  /**
   * Undefined when the request breaks a constraint of the contract: the reference decoder says which, and how.
   * `release` is called when the bytes that the columns lie in may be used again.
   */
  static from(
    named: NamedStream,
    columns: RecordColumns,
    release: () => void,
  ): ScannedPutRecords | undefined {
    if (columns.count < 1 || columns.count > RECORDS_MAX) return undefined;
    for (let index = 0; index < columns.count; index += 1) {
      const keyLength = columns.keyEnd(index) - columns.keyStart(index);
      if (keyLength < KEY_LENGTH_MIN || keyLength > KEY_LENGTH_MAX) return undefined;
      if (columns.dataEnd(index) - columns.dataStart(index) > DATA_BYTES_MAX) return undefined;
    }
    if (violations(Named, named).length > 0) return undefined;
    return new ScannedPutRecords(named, columns, release);
  }

  static columnsOf(input: object): RecordColumns | undefined {
    return input instanceof ScannedPutRecords ? input.#columns : undefined;
  }

  /** Says that nobody looks at the request any more. */
  static release(input: unknown): void {
    if (!(input instanceof ScannedPutRecords) || input.#isReleased) return;
    input.#isReleased = true;
    input.#release();
  }

  /** The records as objects, made when somebody asks for them. */
  get Records(): Input["Records"] {
    this.#records ??= Array.from({ length: this.#columns.count }, (_, index) => {
      const { keys, data } = this.#columns;
      const key = keys.subarray(this.#columns.keyStart(index), this.#columns.keyEnd(index));
      return {
        PartitionKey: Buffer.from(key).toString("latin1"),
        Data: Buffer.from(data.subarray(this.#columns.dataStart(index), this.#columns.dataEnd(index))),
      };
    });
    return this.#records;
  }
}

export interface NamedStream {
  StreamName?: string;
  StreamARN?: string;
}

/**
 * The records of a PutRecords input as columns, if they came so: each then has a partition key of ASCII characters and no explicit
 * hash key, and keeps the constraints of the contract. Valid until the operation has answered.
 */
export function recordColumnsOf(input: object): RecordColumns | undefined {
  return ScannedPutRecords.columnsOf(input);
}

/** Bounds that the contract states; a scanned key has one character per byte. */
const { Records } = contract.input.members;
const { PartitionKey, Data } = Records.shape.member.members;
export const RECORDS_MAX = stated(Records.shape.maxLength);
const KEY_LENGTH_MIN = stated(PartitionKey.shape.minLength);
const KEY_LENGTH_MAX = stated(PartitionKey.shape.maxLength);
const DATA_BYTES_MAX = stated(Data.shape.maxLength);

function stated(bound: number | undefined): number {
  if (bound === undefined)
    throw new Error("the contract of PutRecords leaves open what scanning it relies on");
  return bound;
}
