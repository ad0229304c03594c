/** What bodies and answers of all protocol threads get together of the memory bound; caches and events get the rest. */
const PROTOCOL_SHARE = 3 / 8;

export interface MemoryShares {
  /** Bytes of the thread of the service. */
  readonly service: number;
  /** Bytes of each protocol thread. */
  readonly protocol: number;
}

/**
 * How threads divide the one bound. Each keeps its share by itself, since a counter that all of them change would have
 * them wake each other whenever it is spent; so the bound holds, and a thread can be short of memory while another is not.
 */
export function memoryShares(limitBytes: number, threadCount: number): MemoryShares {
  if (threadCount === 1) return { service: limitBytes, protocol: 0 };
  const protocol = Math.floor((limitBytes * PROTOCOL_SHARE) / (threadCount - 1));
  return { service: limitBytes - protocol * (threadCount - 1), protocol };
}
