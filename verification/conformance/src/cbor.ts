/**
 * As much of CBOR (RFC 8949) as Kinesis speaks, written for the cases alone so that the server's own
 * codec is not its own judge: text, integers, byte strings, arrays, maps, doubles, true, false, null and tag 1.
 */
export class CborTime {
  /** Milliseconds, not the seconds of the RFC: the protocol's own reading of tag 1. */
  readonly epochMs: number;
  constructor(epochMs: number) {
    this.epochMs = epochMs;
  }
}

export function encodeCbor(value: unknown): Buffer {
  if (value === null) return Buffer.of(0xf6);
  if (typeof value === "boolean") return Buffer.of(value ? 0xf5 : 0xf4);
  if (typeof value === "number" && !Number.isInteger(value)) {
    const double = Buffer.alloc(9, 0xfb);
    double.writeDoubleBE(value, 1);
    return double;
  }
  if (typeof value === "number") return value < 0 ? head(1, -1 - value) : head(0, value);
  if (typeof value === "string")
    return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)]);
  if (value instanceof Uint8Array) return Buffer.concat([head(2, value.length), value]);
  if (value instanceof CborTime) return Buffer.concat([head(6, 1), encodeCbor(value.epochMs)]);
  if (Array.isArray(value)) return Buffer.concat([head(4, value.length), ...value.map(encodeCbor)]);
  const entries = Object.entries(value as object);
  return Buffer.concat([head(5, entries.length), ...entries.flat().map(encodeCbor)]);
}

export function decodeCbor(bytes: Uint8Array): unknown {
  const reader = new Reader(Buffer.from(bytes));
  const value = reader.value();
  if (!reader.atEnd) throw new Error("bytes behind the value");
  return value;
}

function head(major: number, argument: number): Buffer {
  const first = major << 5;
  if (argument < 24) return Buffer.of(first | argument);
  if (argument < 0x100) return Buffer.of(first | 24, argument);
  if (argument < 0x1_0000) return Buffer.of(first | 25, argument >> 8, argument & 0xff);
  const wide = Buffer.alloc(argument < 0x1_0000_0000 ? 5 : 9);
  wide[0] = first | (wide.length === 5 ? 26 : 27);
  if (wide.length === 5) wide.writeUInt32BE(argument, 1);
  else wide.writeBigUInt64BE(BigInt(argument), 1);
  return wide;
}

const breakCode = Symbol("break");

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  value(): unknown {
    const value = this.#item();
    if (value === breakCode) throw new Error("a break outside of a list");
    return value;
  }

  #item(): unknown {
    const first = this.#bytes.readUInt8(this.#at++);
    const major = first >> 5;
    const low = first & 31;
    if (major === 7) return this.#simple(low);
    const indefinite = low === 31;
    const argument = indefinite ? Infinity : this.#argument(low);
    switch (major) {
      case 0:
        return argument;
      case 1:
        return -1 - argument;
      case 2:
        return indefinite ? Buffer.concat(this.#many(Infinity) as Buffer[]) : this.#take(argument);
      case 3:
        return indefinite ? this.#many(Infinity).join("") : this.#take(argument).toString("utf8");
      case 4:
        return this.#many(argument);
      case 5: {
        const flat = this.#many(argument * 2);
        return Object.fromEntries(
          Array.from({ length: flat.length / 2 }, (_, index) => [
            String(flat[index * 2]),
            flat[index * 2 + 1],
          ]),
        );
      }
      default: {
        const tagged = this.value();
        return argument === 1 ? new CborTime(tagged as number) : tagged;
      }
    }
  }

  #many(count: number): unknown[] {
    const items: unknown[] = [];
    while (items.length < count) {
      const item = this.#item();
      if (item === breakCode) break;
      items.push(item);
    }
    return items;
  }

  #simple(low: number): unknown {
    switch (low) {
      case 20:
        return false;
      case 21:
        return true;
      case 22:
        return null;
      case 26:
        return this.#take(4).readFloatBE();
      case 27:
        return this.#take(8).readDoubleBE();
      case 31:
        return breakCode;
      default:
        throw new Error(`a simple value ${low}, which the protocol does not use`);
    }
  }

  #argument(low: number): number {
    if (low < 24) return low;
    if (low === 24) return this.#take(1).readUInt8();
    if (low === 25) return this.#take(2).readUInt16BE();
    if (low === 26) return this.#take(4).readUInt32BE();
    return Number(this.#take(8).readBigUInt64BE());
  }

  #take(length: number): Buffer {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new Error("the value is cut off");
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }
}
