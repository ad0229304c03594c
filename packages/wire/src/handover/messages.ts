/**
 * What goes between a thread that speaks with clients and the thread that serves them. Every request, and every
 * question about a streamed answer, has a number by which it is answered.
 */
import type { WireRequest } from "../exchange.ts";

export type ToService =
  | { readonly kind: "request"; readonly number: number; readonly request: CarriedRequest }
  | {
      /** About the streamed answer to request `about`. */
      readonly kind: "ask";
      readonly number: number;
      readonly about: number;
      readonly what: "ready" | "take" | "next";
    }
  /** Nobody wants the rest of the streamed answer to request `about`. */
  | { readonly kind: "leave"; readonly about: number };

export type ToListener = { readonly number: number } & (
  | {
      readonly kind: "answer";
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly close: boolean;
      readonly body: Uint8Array | "pieces" | "cursor";
    }
  /** To "ready", and to "take" when there is nothing to take after all. */
  | { readonly kind: "nothing" }
  | { readonly kind: "piece"; readonly piece: Uint8Array }
  | { readonly kind: "end" }
  /** The client is to see its connection break. */
  | { readonly kind: "dropped" }
  /** The service failed in a way that is no answer. */
  | { readonly kind: "failed"; readonly reason: string }
);

export interface CarriedRequest extends Omit<WireRequest, "signal" | "scanned"> {
  /** In place of the body, when its records have been found already. They lie in shared memory until the answer. */
  readonly records?: CarriedRecords;
}

export interface CarriedRecords {
  readonly streamName?: string;
  readonly streamArn?: string;
  readonly keys: Uint8Array;
  readonly data: Uint8Array;
  /** Four numbers of each record, as in `RecordColumns`. */
  readonly ranges: Int32Array;
}
