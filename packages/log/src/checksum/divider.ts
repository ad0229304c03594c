/**
 * A WebAssembly module with one function: it divides bytes, as polynomials over GF(2), by a sparse multiple of the polynomial of
 * CRC-32, so that what is left is short and has the same remainder. Sixteen bytes take five loads and four XORs; the platform's
 * CRC-32 looks every byte up in a table.
 *
 * ```
 * (import "outside" "memory" (memory PAGES))
 * (func (export "divide") (param $at i32) (param $end i32) (param $first i32) (param $second i32) (param $third i32)
 *   (param $fourth i32) (result i32))
 * ```
 *
 * From `$at` to `$end` it adds to each row of 16 bytes the rows that lie `$first`, `$second`, `$third` and `$fourth` bytes before it.
 * At least four rows lie between a row and any of those. It gives the place where it stopped.
 *
 * Why that divides: x^300 + x^155 + x^117 + x^89 + 1 is a multiple of x^32 + x^26 + x^23 + x^22 + x^16 + x^12 + x^11 + x^10 + x^8 + x^7 +
 * x^5 + x^4 + x^2 + x + 1 (found by search; none with five terms is shorter). Over GF(2) squaring a polynomial squares its
 * terms, so with y = x^128 for x it is the 128th power of the former, and a multiple still. Rows of 128 bits are coefficients of
 * powers of y, the first row that of the highest: adding a row to those that lie 145, 183, 211 and 300 rows behind it
 * takes it away, and only the last 300 rows are left.
 */
import { webAssembly } from "@millrace/runtime";

type Code = webAssembly.Code;
const { add, get, i32, set, subtract, V128_XOR, v128Load, v128Store, whileWithin } = webAssembly;

export const ROW_BYTES = 16;
/** What is left, and how far back a row reaches. */
export const ROWS_LEFT = 300;
/** Rows that lie so far apart belong together. */
export const DISTANCES = [145, 183, 211, ROWS_LEFT] as const;

const AT = 0;
const END = 1;
const FIRST_DISTANCE = 2;
const FIRST_PLACE = FIRST_DISTANCE + DISTANCES.length;
/** So many rows are divided in one turn of the loop while there are as many. */
const ROWS_PER_TURN = 4;

function turn(rows: number): Code {
  const places = DISTANCES.map((_, index) => FIRST_PLACE + index);
  return [
    ...places.flatMap((place, index) => [...subtract(get(AT), get(FIRST_DISTANCE + index)), ...set(place)]),
    ...Array.from({ length: rows }, (_, row) => row * ROW_BYTES).flatMap((offset) => [
      ...get(AT),
      ...[...get(AT), ...v128Load(offset)],
      ...places.flatMap((place) => [...get(place), ...v128Load(offset), ...V128_XOR]),
      ...v128Store(offset),
    ]),
    ...[...add(get(AT), i32(rows * ROW_BYTES)), ...set(AT)],
  ];
}

export function divider(memoryPages: number): webAssembly.ModuleParts {
  return {
    name: "divide",
    parameterCount: FIRST_PLACE,
    i32Count: DISTANCES.length,
    v128Count: 0,
    code: [
      ...whileWithin(AT, ROWS_PER_TURN * ROW_BYTES, END, turn(ROWS_PER_TURN)),
      ...whileWithin(AT, ROW_BYTES, END, turn(1)),
      ...get(AT),
    ],
    memoryPages,
    isShared: false,
  };
}
