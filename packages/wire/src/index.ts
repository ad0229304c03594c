export { amzDate, httpDate } from "./calendar.ts";
export { callersFromHeaders, DEFAULT_ACCOUNT_ID, DEFAULT_REGION } from "./callers.ts";
export type { Callers, CallersOptions } from "./callers.ts";
export { checkCbor, decodeCbor } from "./cbor/decode.ts";
export { encodeCbor } from "./cbor/encode.ts";
export {
  decodeError,
  decodeEventStream,
  decodeResponse,
  encodeRequest,
  joinedResponse,
} from "./client-codec.ts";
export type { EncodedRequest, ReceivedPieces, ReceivedResponse } from "./client-codec.ts";
export { isCursor, nextOf } from "./cursor.ts";
export type { Cursor } from "./cursor.ts";
export { createService } from "./dispatch.ts";
export type { Intercept, ServiceOptions } from "./dispatch.ts";
export {
  decodeMessage,
  encodeMessage,
  EventMessageReader,
  EventStreamFault,
} from "./event-stream/message.ts";
export type { EventMessage, HeaderValue } from "./event-stream/message.ts";
export { CBOR_FORMAT, EVENT_STREAM_CONTENT_TYPE, formatOf, JSON_FORMAT } from "./formats.ts";
export type { Format, FormatName } from "./formats.ts";
export { COMMON_ERROR_CODES, failuresOf } from "./handlers.ts";
export type { AnswerForm, AnswerOf, CommonErrorCode, Failure, Handler, Handlers } from "./handlers.ts";
export { remoteService } from "./handover/remote-service.ts";
export type { RemoteServiceOptions } from "./handover/remote-service.ts";
export { servePort } from "./handover/serve-port.ts";
export { checkJson, decodeJson } from "./json/decode.ts";
export { encodeJson } from "./json/encode.ts";
export { withStoredEntries } from "./put-records/stored-entries.ts";
export type { StoredEntries, StoredEntry } from "./put-records/stored-entries.ts";
export { Base64Memory } from "./put-records/base64-memory.ts";
export { recordColumnsOf } from "./put-records/scanned-input.ts";
export { StoredRecords, withRecords } from "./stored-records/stored-records.ts";
export type { RecordRanges, StoredBatch } from "./stored-records/stored-records.ts";
export { createProtocolService } from "./protocols/protocol-service.ts";
export type { ProtocolName, ProtocolServiceOptions } from "./protocols/protocol-service.ts";
export { serviceNamedIn } from "./protocols/service-named.ts";
export { SerializationFault } from "./serialization-fault.ts";
export { sign, signingKey } from "./sign.ts";
export type { Credentials, SigningInput } from "./sign.ts";
export type { Caller, WireRequest, WireResponse, WireService } from "./exchange.ts";
export {
  ConnectionDropped,
  listen,
  LISTENER_LIMITS,
  LOCAL_HOSTS,
  selfSignedCertificate,
} from "./listener/index.ts";
export type {
  Listener,
  ListenerLimits,
  ListenerStats,
  ListenOptions,
  SelfSigned,
  SelfSignedOptions,
} from "./listener/index.ts";
