/** Every bound of the decoders, so that a hostile body costs no more than a small multiple of its size. */

/** Levels of nesting in parts of a document that no shape describes; the parser of AWS has such a bound too. */
export const NESTING_DEPTH_MAX = 200;

/**
 * Values that one body may hold where its shape wants them (list elements and map entries). The largest
 * request that means something, PutRecords, has 500; unknown members cost nothing and do not count.
 */
export const VALUE_COUNT_MAX = 100_000;

/** Bytes in one event-stream message: a record of 10 MiB in base64, with room. AWS allows 16 MiB of payload. */
export const MESSAGE_BYTES_MAX = 24 * 1024 * 1024;

/** Bytes of headers in one event-stream message, as AWS bounds them. */
export const MESSAGE_HEADER_BYTES_MAX = 128 * 1024;
