/**
 * A WebAssembly module with one function: it writes bytes as base64, twelve at a time. The platform's encoder makes strings,
 * and writing those to where they are to stand costs more than making them.
 *
 * ```
 * (import "outside" "memory" (memory PAGES))
 * (func (export "encode") (param $at i32) (param $end i32) (param $out i32) (result i32))
 * ```
 *
 * It encodes whole blocks of 12 bytes that begin at `$at` and end at or before `$end` to 16 characters each, which it puts
 * to `$out` and on, and gives the place behind the last one. Up to {@link READ_AHEAD_BYTES} bytes behind a block are read
 * with it.
 *
 * The steps for a block are those of Muła and Lemire, "Faster Base64 Encoding and Decoding using AVX2 Instructions"
 * (2018), in the instructions of WebAssembly's 128-bit SIMD.
 */
import { webAssembly } from "@millrace/runtime";

type Code = webAssembly.Code;
type ModuleParts = webAssembly.ModuleParts;
const {
  add,
  get,
  I16X8_MUL,
  I16X8_SHL,
  I16X8_SHR_U,
  I8X16_ADD,
  I8X16_LT_S,
  I8X16_SUB_SAT_U,
  I8X16_SWIZZLE,
  i32,
  i8x16Shuffle,
  lanes,
  set,
  V128_AND,
  V128_OR,
  v128Const,
  v128Load,
  v128Store,
  whileWithin,
} = webAssembly;

export const BLOCK_BYTES = 12;
export const BLOCK_CHARACTERS = 16;
export const READ_AHEAD_BYTES = 4;

/** So many blocks are encoded in one turn of the loop while there are as many: the steps of one wait for each other. */
const BLOCKS_PER_TURN = 4;

/** Of each three bytes a, b, c: the pairs ab and bc as numbers of 16 bits, so that each six bits lie in one of them. */
const TO_PAIRS = [1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10];
/** In the first of two numbers of 16 bits, `first`; in the other `second`. */
const alternating = (first: number, second: number) =>
  lanes((lane) => [first & 0xff, first >> 8, second & 0xff, second >> 8][lane % 4]!);

/** Moves the last four bits of b and the eight of c to where the first twelve of ab stand already. */
const TO_TWELVE_BITS = alternating(1, 16);
/** The last six of those twelve. */
const LAST_SIX_BITS = alternating(0x3f0, 0x3f0);

/** What is added to a value to get its character, by {@link kindOf}: 0 is a to z, 1 to 10 the digits, 13 is A to Z. */
const TO_CHARACTER = lanes((kind) => {
  if (kind === 0) return 0x61 - 26;
  if (kind <= 10) return 0x30 - 52;
  return { 11: 0x2b - 62, 12: 0x2f - 63, 13: 0x41 }[kind] ?? 0;
});
const LAST_OF_A_TO_Z = lanes(() => 51);
const FIRST_OF_SMALL = lanes(() => 26);
const KIND_OF_CAPITALS = lanes(() => 13);

const AT = 0;
const END = 1;
const OUT = 2;
const CONSTANTS = [
  TO_TWELVE_BITS,
  LAST_SIX_BITS,
  TO_CHARACTER,
  LAST_OF_A_TO_Z,
  FIRST_OF_SMALL,
  KIND_OF_CAPITALS,
];
const FIRST_CONSTANT = 3;
const FIRST_OF_BLOCKS = FIRST_CONSTANT + CONSTANTS.length;

const constant = (value: readonly number[]): Code => get(FIRST_CONSTANT + CONSTANTS.indexOf(value));

function load(block: number): Code {
  const local = FIRST_OF_BLOCKS + block;
  return [
    ...[...get(AT), ...v128Load(block * BLOCK_BYTES), ...set(local)],
    ...[...get(local), ...get(local), ...i8x16Shuffle(TO_PAIRS), ...set(local)],
  ];
}

/** Pairs to values from 0 to 63, one a byte. */
function toValues(block: number): Code {
  const local = FIRST_OF_BLOCKS + block;
  return [
    ...[...get(local), ...constant(TO_TWELVE_BITS), ...I16X8_MUL, ...set(local)],
    ...[...get(local), ...i32(10), ...I16X8_SHR_U],
    ...[...get(local), ...constant(LAST_SIX_BITS), ...V128_AND, ...i32(4), ...I16X8_SHL],
    ...V128_OR,
    ...set(local),
  ];
}

/** How far a value lies past z, which tells the digits and the two signs apart; capitals get a number of their own. */
function kindOf(block: number): Code {
  const value = get(FIRST_OF_BLOCKS + block);
  return [
    ...[...value, ...constant(LAST_OF_A_TO_Z), ...I8X16_SUB_SAT_U],
    ...[...value, ...constant(FIRST_OF_SMALL), ...I8X16_LT_S, ...constant(KIND_OF_CAPITALS), ...V128_AND],
    ...V128_OR,
  ];
}

function store(block: number): Code {
  return [
    ...get(OUT),
    ...[...constant(TO_CHARACTER), ...kindOf(block), ...I8X16_SWIZZLE],
    ...[...get(FIRST_OF_BLOCKS + block), ...I8X16_ADD],
    ...v128Store(block * BLOCK_CHARACTERS),
  ];
}

function loopOver(count: number): Code {
  const blocks = Array.from({ length: count }, (_, block) => block);
  return whileWithin(AT, count * BLOCK_BYTES, END, [
    ...blocks.flatMap(load),
    ...blocks.flatMap(toValues),
    ...blocks.flatMap(store),
    ...[...add(get(AT), i32(count * BLOCK_BYTES)), ...set(AT)],
    ...[...add(get(OUT), i32(count * BLOCK_CHARACTERS)), ...set(OUT)],
  ]);
}

export function base64Encoder(memoryPages: number): ModuleParts {
  return {
    name: "encode",
    parameterCount: 3,
    i32Count: 0,
    v128Count: CONSTANTS.length + BLOCKS_PER_TURN,
    code: [
      ...CONSTANTS.flatMap((value, index) => [...v128Const(value), ...set(FIRST_CONSTANT + index)]),
      ...loopOver(BLOCKS_PER_TURN),
      ...loopOver(1),
      ...get(OUT),
    ],
    memoryPages,
    isShared: false,
  };
}
