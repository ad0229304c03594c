import type { BenchServer, RunningServer } from "../servers/bench-server.ts";

/** Another project's server of the same API, at a pinned version and with its own defaults. */
export interface Peer {
  /** As tables print it and `--without` names it. */
  readonly name: string;
  readonly version: string;
  readonly can: PeerAbilities;
  /** Why it cannot be started, with the command that helps; undefined when it can. */
  readonly missing: string | undefined;
  /** A server that takes streams of so many shards in total. */
  server(shardCount: number): PeerServer;
}

export interface PeerAbilities {
  readonly protocols: readonly ("json" | "cbor")[];
  /** SubscribeToShard. */
  readonly fanOut: boolean;
  /** HTTP/2 with prior knowledge as the JavaScript SDK speaks it. */
  readonly http2: boolean;
}

export interface PeerServer extends BenchServer {
  start(): Promise<RunningServer & { readonly readyMs: number }>;
  /** Options that differ from its defaults, and why; empty when none does. */
  readonly notes: readonly string[];
}

/** True once a server lists its streams. The signature is none: no peer checks it, but some want to see one. */
export async function listsStreams(endpoint: string): Promise<boolean> {
  const response = await fetch(endpoint, {
    method: "POST",
    headers: {
      "content-type": "application/x-amz-json-1.1",
      "x-amz-target": "Kinesis_20131202.ListStreams",
      "x-amz-date": "20260101T000000Z",
      authorization:
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260101/us-east-1/kinesis/aws4_request, " +
        "SignedHeaders=host;x-amz-date, Signature=0000",
    },
    body: "{}",
  });
  await response.arrayBuffer();
  return response.status === 200;
}
