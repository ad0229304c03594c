/** Every bound of the listener in one place: name, default, unit and why the default is what it is. */

const KIB = 1024;
const MIB = 1024 * KIB;

/**
 * The largest PutRecords that AWS takes, 500 records of together 10 MiB, as JSON: the data as base64, each key
 * with every character escaped as `\uXXXX`, and member names, hash keys and punctuation around every record.
 */
const PUT_RECORDS_JSON_BYTES = Math.ceil((10 * MIB * 4) / 3) + 500 * (256 * 6 + 128);

/** Room for clients that escape the slashes of base64 or indent their JSON; then up to the next MiB. */
const BODY_BYTES = Math.ceil((PUT_RECORDS_JSON_BYTES * 1.1) / MIB) * MIB;

export interface ListenerLimits {
  /** Open sockets. Past it a new one is answered 503 and closed at once. */
  readonly connectionCountMax: number;
  /** Concurrent streams of one HTTP/2 session (`SETTINGS_MAX_CONCURRENT_STREAMS`). */
  readonly streamCountMax: number;
  /** Requests of one HTTP/1.1 connection that wait for their answers. Past it the connection is refused. */
  readonly pipelinedCountMax: number;
  /** Request line and headers together. Past it 431. */
  readonly headerBytesMax: number;
  /** A body, before and after decompression. Past it 413. */
  readonly bodyBytesMax: number;
  /** From the connection (or the first byte of a later request) to the last header. Past it 408. */
  readonly headerTimeoutMs: number;
  /** Between two pieces of a body. Past it 408. */
  readonly bodyProgressTimeoutMs: number;
  /** From the last header to the last byte of the body. Past it 408. */
  readonly bodyTimeoutMs: number;
  /** A connection without requests. Past it it is closed quietly. */
  readonly idleTimeoutMs: number;
  /** How long the client may take over 256 KiB of an answer. Past it the answer is cut off. */
  readonly answerProgressTimeoutMs: number;
  /**
   * How long a client may leave one piece of a streamed answer unread, or its connection, so that there is no turn to make
   * one. A subscription lives for 5 minutes.
   */
  readonly streamStallTimeoutMs: number;
  /** How long a body may wait, unread, for memory. Past it 503. */
  readonly memoryWaitMs: number;
  /** Bodies that may wait for memory together; each has {@link BODY_STEP_BYTES} set aside at most. Past it 503. */
  readonly memoryWaiterCountMax: number;
  /** How long a listener that closes waits for requests whose clients have gone to be done with. */
  readonly settleMs: number;
  /** How long a refused body is read and thrown away, so that the client gets to see the refusal. */
  readonly lingerMs: number;
}

export const LISTENER_LIMITS: ListenerLimits = Object.freeze({
  connectionCountMax: 10_000,
  streamCountMax: 256,
  pipelinedCountMax: 64,
  headerBytesMax: 32 * KIB,
  bodyBytesMax: BODY_BYTES,
  headerTimeoutMs: 20_000,
  bodyProgressTimeoutMs: 20_000,
  bodyTimeoutMs: 120_000,
  idleTimeoutMs: 120_000,
  answerProgressTimeoutMs: 60_000,
  streamStallTimeoutMs: 330_000,
  memoryWaitMs: 5_000,
  memoryWaiterCountMax: 256,
  settleMs: 2_000,
  lingerMs: 1_000,
});

/** Answers larger than this are handed to the transport slice by slice, so that progress can be seen. */
export const ANSWER_SLICE_BYTES = 256 * KIB;

/**
 * What a body reserves first. The rest of a large one is reserved at once when half of this has arrived: a large
 * `Content-Length` alone holds little, and bodies that grow side by side do not keep each other from ending.
 */
export const BODY_STEP_BYTES = 32 * KIB;
