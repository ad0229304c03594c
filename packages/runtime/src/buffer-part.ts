/**
 * A Buffer over a part of memory, for code that makes one for each of very many records. `subarray` and `Buffer.from` make the same, and
 * ask so much about their arguments first that they cost two to three times as much. Whoever cuts the same memory over and over
 * keeps it, because to ask a Buffer for its memory is not free either.
 */
export const BufferPart = (Buffer as unknown as { readonly [Symbol.species]: BufferPartConstructor })[
  Symbol.species
];

type BufferPartConstructor = new (memory: ArrayBufferLike, byteOffset: number, length: number) => Buffer;
