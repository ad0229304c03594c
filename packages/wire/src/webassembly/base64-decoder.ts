/**
 * A WebAssembly module with one function: it decodes base64 where it stands, sixteen characters at a time. The
 * platform's decoder takes strings only, and making one of each record's data costs more than decoding it.
 *
 * ```
 * (import "outside" "memory" (memory PAGES))
 * (func (export "decode") (param $at i32) (param $end i32) (result i32))
 * ```
 *
 * From `$at` on it decodes whole blocks of 16 characters that end at or before `$end`, puts the bytes to where the
 * first character was, and gives the place where it stopped: where less than a block is left, or at a block with a
 * byte that is not one of the 64 characters. What stands from there on is as it was, and so is everything outside.
 *
 * The steps for a block are those of Muła and Lemire, "Faster Base64 Encoding and Decoding using AVX2 Instructions"
 * (2018), in the instructions of WebAssembly's 128-bit SIMD.
 */

import { webAssembly } from "@millrace/runtime";

type Code = webAssembly.Code;
type ModuleParts = webAssembly.ModuleParts;
const {
  add,
  EXIT_IF,
  get,
  I16X8_SHL,
  I16X8_SHR_U,
  I32X4_DOT_I16X8_S,
  I8X16_ADD,
  I8X16_EQ,
  I8X16_SWIZZLE,
  i32,
  i8x16Shuffle,
  lanes,
  set,
  V128_AND,
  V128_ANY_TRUE,
  V128_OR,
  v128Const,
  v128Load,
  v128Store,
  whileWithin,
} = webAssembly;

/** The size of the memory in pages. */
export const DECODER_PAGES = 512;

const BLOCK_CHARACTERS = 16;
const BLOCK_BYTES = 12;
/** So many blocks are decoded in one turn of the loop while there are as many: the steps of one wait for each other. */
const BLOCKS_PER_TURN = 4;

/** What a byte is by its high four bits, and which low four bits then make it no character of base64. */
const CLASSES: readonly { readonly highs: readonly number[]; readonly isWrong: (low: number) => boolean }[] =
  [
    { highs: [0x2], isWrong: (low) => low !== 0xb && low !== 0xf }, // + and /
    { highs: [0x3], isWrong: (low) => low > 9 }, // 0 to 9
    { highs: [0x4, 0x6], isWrong: (low) => low === 0 }, // A to O, a to o
    { highs: [0x5, 0x7], isWrong: (low) => low > 0xa }, // P to Z, p to z
    { highs: [0x0, 0x1, 0x8, 0x9, 0xa, 0xb, 0xc, 0xd, 0xe, 0xf], isWrong: () => true },
  ];

/** A byte is wrong when the entries for its two halves have a bit in common. */
const WRONG_BY_HIGH = lanes((high) =>
  sum(CLASSES.map(({ highs }, bit) => (highs.includes(high) ? 1 << bit : 0))),
);
const WRONG_BY_LOW = lanes((low) => sum(CLASSES.map(({ isWrong }, bit) => (isWrong(low) ? 1 << bit : 0))));
/** What is added to a character to get its value, by its high four bits; for the slash, which is alone, at 1. */
const TO_VALUE = lanes(
  (high) =>
    ({ 1: 63 - 0x2f, 2: 62 - 0x2b, 3: 52 - 0x30, 4: -0x41, 5: -0x41, 6: 26 - 0x61, 7: 26 - 0x61 })[high] ?? 0,
);
const LOW_HALVES = lanes(() => 0x0f);
const SLASHES = lanes(() => 0x2f);
const FIRST_OF_TWO = lanes((lane) => (lane % 2 === 0 ? 0x3f : 0));
/** As pairs of 16 bits: 2^12 and 1. */
const TO_24_BITS = lanes((lane) => [0x00, 0x10, 0x01, 0x00][lane % 4]!);
/** The three bytes of each 24 bits, the highest first; the last four lanes do not matter. */
const IN_ORDER = [2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, 15, 15, 15, 15];

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

// Parameters come first among the locals; all others are of type v128 but `out`.
const AT = 0;
const END = 1;
const OUT = 2;
const CONSTANTS = [WRONG_BY_HIGH, WRONG_BY_LOW, TO_VALUE, LOW_HALVES, SLASHES, FIRST_OF_TWO, TO_24_BITS];
const FIRST_CONSTANT = 3;
const FIRST_OF_BLOCKS = FIRST_CONSTANT + CONSTANTS.length;
const LOCALS_PER_BLOCK = 3;

/** Locals of the block that is handled beside others as number `block`. */
const characters = (block: number) => FIRST_OF_BLOCKS + block * LOCALS_PER_BLOCK;
const highs = (block: number) => characters(block) + 1;
const wrong = (block: number) => characters(block) + 2;

const constant = (value: readonly number[]): Code => get(FIRST_CONSTANT + CONSTANTS.indexOf(value));

/** Loads a block, and finds which of its bytes are wrong. */
function look(block: number): Code {
  return [
    ...get(AT),
    ...v128Load(block * BLOCK_CHARACTERS),
    ...set(characters(block)),
    ...[...get(characters(block)), ...i32(4), ...I16X8_SHR_U, ...constant(LOW_HALVES), ...V128_AND],
    ...set(highs(block)),
    ...[...constant(WRONG_BY_HIGH), ...get(highs(block)), ...I8X16_SWIZZLE],
    ...constant(WRONG_BY_LOW),
    ...[...get(characters(block)), ...constant(LOW_HALVES), ...V128_AND],
    ...I8X16_SWIZZLE,
    ...V128_AND,
    ...set(wrong(block)),
  ];
}

/** Makes 12 bytes of 16 characters. The four behind them are overwritten, which were characters of this block. */
function decodeAndStore(block: number): Code {
  const local = characters(block);
  return [
    // Characters to values: for a slash the comparison adds -1 to the index.
    ...get(local),
    ...constant(TO_VALUE),
    ...[...get(local), ...constant(SLASHES), ...I8X16_EQ, ...get(highs(block)), ...I8X16_ADD],
    ...[...I8X16_SWIZZLE, ...I8X16_ADD, ...set(local)],
    // Two values to 12 bits, and twice those to 24.
    ...[...get(local), ...constant(FIRST_OF_TWO), ...V128_AND, ...i32(6), ...I16X8_SHL],
    ...[...get(local), ...i32(8), ...I16X8_SHR_U],
    ...V128_OR,
    ...[...constant(TO_24_BITS), ...I32X4_DOT_I16X8_S, ...set(local)],
    ...get(OUT),
    ...[...get(local), ...get(local), ...i8x16Shuffle(IN_ORDER)],
    ...v128Store(block * BLOCK_BYTES),
  ];
}

/** Decodes `count` blocks in each turn, until fewer are left or one is wrong. All are loaded before any is stored. */
function loopOver(count: number): Code {
  const blocks = Array.from({ length: count }, (_, block) => block);
  return whileWithin(AT, count * BLOCK_CHARACTERS, END, [
    ...blocks.flatMap(look),
    ...blocks.flatMap((block) => [...get(wrong(block)), ...(block === 0 ? [] : V128_OR)]),
    ...[...V128_ANY_TRUE, ...EXIT_IF],
    ...blocks.flatMap(decodeAndStore),
    ...[...add(get(AT), i32(count * BLOCK_CHARACTERS)), ...set(AT)],
    ...[...add(get(OUT), i32(count * BLOCK_BYTES)), ...set(OUT)],
  ]);
}

/** The decoder over memory of this thread alone, or over memory that threads share. */
export function base64Decoder(memory: "own" | "shared"): ModuleParts {
  return {
    name: "decode",
    parameterCount: 2,
    i32Count: 1,
    v128Count: CONSTANTS.length + BLOCKS_PER_TURN * LOCALS_PER_BLOCK,
    code: [
      ...[...get(AT), ...set(OUT)],
      ...CONSTANTS.flatMap((value, index) => [...v128Const(value), ...set(FIRST_CONSTANT + index)]),
      ...loopOver(BLOCKS_PER_TURN),
      ...loopOver(1),
      ...get(AT),
    ],
    memoryPages: DECODER_PAGES,
    isShared: memory === "shared",
  };
}
