/**
 * What WebAssembly modules are written with here: the instructions in use as bytes, and a module around one function
 * (WebAssembly Core Specification 2.0, §5).
 */

export type Code = readonly number[];

export const PAGE_BYTES = 64 * 1024;

export const get = (local: number): Code => [0x20, local];
export const set = (local: number): Code => [0x21, local];
export const i32 = (value: number): Code => [0x41, ...signed(value)];
export const add = (left: Code, right: Code): Code => [...left, ...right, 0x6a];
export const subtract = (left: Code, right: Code): Code => [...left, ...right, 0x6b];

const simd = (opcode: number): Code => [0xfd, ...unsigned(opcode)];

export const V128_AND = simd(0x4e);
export const V128_OR = simd(0x50);
export const V128_XOR = simd(0x51);
export const V128_ANY_TRUE = simd(0x53);
export const I8X16_SWIZZLE = simd(0x0e);
export const I8X16_EQ = simd(0x23);
export const I8X16_LT_S = simd(0x25);
export const I8X16_ADD = simd(0x6e);
export const I8X16_SUB_SAT_U = simd(0x73);
export const I16X8_SHL = simd(0x8b);
export const I16X8_SHR_U = simd(0x8d);
export const I16X8_MUL = simd(0x95);
export const I32X4_DOT_I16X8_S = simd(0xba);
export const v128Load = (offset: number): Code => [...simd(0x00), 0, ...unsigned(offset)];
export const v128Store = (offset: number): Code => [...simd(0x0b), 0, ...unsigned(offset)];
export const v128Const = (value: readonly number[]): Code => [...simd(0x0c), ...value];
export const i8x16Shuffle = (order: readonly number[]): Code => [...simd(0x0d), ...order];

/** Runs `turn` while `$at`, a number that is not negative, plus `step` is at most `$end`; `turn` may leave by {@link EXIT_IF}. */
export function whileWithin(at: number, step: number, end: number, turn: Code): Code {
  return [
    ...[0x02, 0x40],
    ...[0x03, 0x40],
    ...[...add(get(at), i32(step)), ...get(end), 0x4b, ...EXIT_IF],
    ...turn,
    ...[0x0c, 0],
    ...[0x0b, 0x0b],
  ];
}

/** Leaves the loop if the number on the stack is not 0. */
export const EXIT_IF: Code = [0x0d, 1];

/** The bytes of a vector by their places. */
export function lanes(of: (lane: number) => number): readonly number[] {
  return Array.from({ length: 16 }, (_, lane) => of(lane) & 0xff);
}

const I32 = 0x7f;
const V128 = 0x7b;

export interface ModuleParts {
  /** Of the one exported function. */
  readonly name: string;
  /** All are i32, and so is the result. */
  readonly parameterCount: number;
  /** Locals behind the parameters. */
  readonly i32Count: number;
  readonly v128Count: number;
  /** Leaves the result on the stack. */
  readonly code: Code;
  /** Pages of the memory, which is imported as `outside.memory`. */
  readonly memoryPages: number;
  /** Whether other threads see the memory (the threads proposal). */
  readonly isShared: boolean;
}

/** The module's bytes. */
export function moduleOf(parts: ModuleParts): Uint8Array {
  const { memoryPages } = parts;
  const limits = parts.isShared
    ? [3, ...unsigned(memoryPages), ...unsigned(memoryPages)]
    : [0, ...unsigned(memoryPages)];
  const body = [
    ...vector([
      [parts.i32Count, I32],
      [parts.v128Count, V128],
    ]),
    ...parts.code,
    0x0b,
  ];
  const parameters = Array.from({ length: parts.parameterCount }, () => [I32]);
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [[0x60, ...vector(parameters), ...vector([[I32]])]]),
    ...section(2, [[...name("outside"), ...name("memory"), 2, ...limits]]),
    ...section(3, [[0]]),
    ...section(7, [[...name(parts.name), 0, 0]]),
    ...section(10, [[...unsigned(body.length), ...body]]),
  ]);
}

function section(id: number, items: readonly Code[]): Code {
  const content = vector(items);
  return [id, ...unsigned(content.length), ...content];
}

function vector(items: readonly Code[]): Code {
  return [...unsigned(items.length), ...items.flat()];
}

function name(text: string): Code {
  return [...unsigned(text.length), ...Buffer.from(text)];
}

/** LEB128. */
function unsigned(value: number): Code {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

/** LEB128 of a number that is not negative where the sign is expected in bit 6. */
function signed(value: number): Code {
  return value < 0x40 ? [value] : [(value & 0x7f) | 0x80, ...signed(value >>> 7)];
}

/** What is used here of what the declarations for Node leave out. */
declare const WebAssembly: {
  readonly Memory: new (size: { initial: number; maximum: number; shared: boolean }) => {
    readonly buffer: ArrayBuffer | SharedArrayBuffer;
  };
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: Record<string, unknown> };
};

export interface Instance {
  readonly memory: Buffer;
  readonly run: (...parameters: number[]) => number;
}

/** The function with its memory. Undefined where the machine has no such instructions, or no room for the memory. */
export function instantiate(parts: ModuleParts): Instance | undefined {
  try {
    const { memoryPages: pages, isShared: shared } = parts;
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared });
    const module = new WebAssembly.Module(moduleOf(parts));
    const { exports } = new WebAssembly.Instance(module, { outside: { memory } });
    return { memory: Buffer.from(memory.buffer as ArrayBuffer), run: exports[parts.name] as Instance["run"] };
  } catch {
    return undefined;
  }
}
