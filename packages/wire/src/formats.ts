/** The two forms in which the bodies of one contract travel. */
import { optional, string, structure } from "@millrace/api";
import type { Decoded, Shape } from "@millrace/api";
import { checkCbor, decodeCbor } from "./cbor/decode.ts";
import { encodeCbor } from "./cbor/encode.ts";
import { checkJson, decodeJson } from "./json/decode.ts";
import { encodeJson } from "./json/encode.ts";
import { recordsForJson } from "./stored-records/encode-json.ts";
import type { AnswerForm } from "./handlers.ts";

export type FormatName = "json" | "cbor";

export interface Format extends AnswerForm {
  readonly name: FormatName;
  readonly contentType: string;
  /** @throws {SerializationFault} when the bytes do not fit the shape. */
  decode<S extends Shape>(bytes: Uint8Array, shape: S): Decoded<S>;
  /** @throws {SerializationFault} when the bytes are no document at all. */
  check(bytes: Uint8Array): void;
  encode<S extends Shape>(value: Decoded<S>, shape: S): readonly Buffer[];
}

export const JSON_FORMAT: Format = {
  name: "json",
  contentType: "application/x-amz-json-1.1",
  decode: decodeJson,
  check: checkJson,
  encode: encodeJson,
  newRecords: recordsForJson,
};

export const CBOR_FORMAT: Format = {
  name: "cbor",
  contentType: "application/x-amz-cbor-1.1",
  decode: decodeCbor,
  check: checkCbor,
  encode: encodeCbor,
};

export const EVENT_STREAM_CONTENT_TYPE = "application/vnd.amazon.eventstream";

/** The format that a `Content-Type` names; parameters and case do not matter. */
export function formatOf(contentType: string | undefined): Format | undefined {
  switch (mediaTypeOf(contentType)) {
    case JSON_FORMAT.contentType:
      return JSON_FORMAT;
    case CBOR_FORMAT.contentType:
      return CBOR_FORMAT;
    default:
      return undefined;
  }
}

export function mediaTypeOf(contentType: string | undefined): string {
  const value = contentType ?? "";
  // As nearly all say it.
  if (value === JSON_FORMAT.contentType || value === CBOR_FORMAT.contentType) return value;
  const parameters = value.indexOf(";");
  return (parameters === -1 ? value : value.slice(0, parameters)).trim().toLowerCase();
}

/**
 * The body of an error. Refusals have `message`; the text of a `SerializationException` stands under
 * `Message`, and some faults have no text (recorded by kinesalite).
 */
export const ErrorBody = structure({
  __type: optional(string()),
  message: optional(string()),
  Message: optional(string()),
});
