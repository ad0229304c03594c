/**
 * Puts whose records were found in their body without making objects of them. To whoever does not know that, they are
 * decoded input like any other.
 */
import type { InputOf } from "@millrace/api";
import { PutRecord, PutRecords, structure, violations } from "@millrace/api";
import type { RecordColumns } from "@millrace/model";

const { StreamName, StreamARN } = PutRecords.input.members;
/** What a scanned request may say beside its records. */
const Named = structure({ StreamName, StreamARN });

/** What both operations have in common. */
export class ScannedPut {
  declare readonly StreamName?: string;
  declare readonly StreamARN?: string;
  readonly #columns: RecordColumns;
  readonly #release: () => void;
  /** The same bytes given back twice would be handed out twice. */
  #isReleased = false;

  constructor(named: NamedStream, columns: RecordColumns, release: () => void) {
    Object.assign(this, named);
    this.#columns = columns;
    this.#release = release;
  }

  static columnsOf(input: object): RecordColumns | undefined {
    return input instanceof ScannedPut ? input.#columns : undefined;
  }

  /** Says that nobody looks at the request any more. */
  static release(input: unknown): void {
    if (!(input instanceof ScannedPut) || input.#isReleased) return;
    input.#isReleased = true;
    input.#release();
  }

  /** A record as an object of its own. */
  protected recordAt(index: number): { readonly PartitionKey: string; readonly Data: Uint8Array } {
    const columns = this.#columns;
    const key = columns.keys.subarray(columns.keyStart(index), columns.keyEnd(index));
    return {
      PartitionKey: Buffer.from(key).toString("latin1"),
      Data: Buffer.from(columns.data.subarray(columns.dataStart(index), columns.dataEnd(index))),
    };
  }
}

export class ScannedPutRecords extends ScannedPut implements InputOf<typeof PutRecords> {
  #records: InputOf<typeof PutRecords>["Records"] | undefined;

  /** The records as objects, made when somebody asks for them. */
  get Records(): InputOf<typeof PutRecords>["Records"] {
    const columns = ScannedPut.columnsOf(this)!;
    return (this.#records ??= Array.from({ length: columns.count }, (_, index) => this.recordAt(index)));
  }
}

export class ScannedPutRecord extends ScannedPut implements InputOf<typeof PutRecord> {
  get Data(): Uint8Array {
    return this.recordAt(0).Data;
  }

  get PartitionKey(): string {
    return this.recordAt(0).PartitionKey;
  }
}

/**
 * Whether a scanned request keeps the constraints of its contract. Where it does not, the reference decoder says which it breaks, and
 * how.
 */
export function isWithinContract(named: NamedStream, columns: RecordColumns): boolean {
  if (columns.count < 1 || columns.count > RECORDS_MAX) return false;
  for (let index = 0; index < columns.count; index += 1) {
    const keyLength = columns.keyEnd(index) - columns.keyStart(index);
    if (keyLength < KEY_LENGTH_MIN || keyLength > KEY_LENGTH_MAX) return false;
    if (columns.dataEnd(index) - columns.dataStart(index) > DATA_BYTES_MAX) return false;
  }
  return violations(Named, named).length === 0;
}

export interface NamedStream {
  StreamName?: string;
  StreamARN?: string;
}

/**
 * The records of a put as columns, if they came so: each then has a partition key of ASCII characters and no explicit
 * hash key, and keeps the constraints of the contract. Valid until the operation has answered.
 */
export function recordColumnsOf(input: object): RecordColumns | undefined {
  return ScannedPut.columnsOf(input);
}

/** Bounds that the contracts state, the same in both; a scanned key has one character per byte. */
const { Records } = PutRecords.input.members;
const { PartitionKey, Data } = Records.shape.member.members;
const lone = PutRecord.input.members;
export const RECORDS_MAX = stated(Records.shape.maxLength);
const KEY_LENGTH_MIN = stated(PartitionKey.shape.minLength, lone.PartitionKey.shape.minLength);
const KEY_LENGTH_MAX = stated(PartitionKey.shape.maxLength, lone.PartitionKey.shape.maxLength);
const DATA_BYTES_MAX = stated(Data.shape.maxLength, lone.Data.shape.maxLength);

function stated(bound: number | undefined, alike = bound): number {
  if (bound === undefined || bound !== alike)
    throw new Error("the contracts of PutRecord and PutRecords leave open what scanning them relies on");
  return bound;
}
