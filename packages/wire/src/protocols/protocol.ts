/** What a protocol does: it finds the operation in a request, and turns bodies into values and back. */
import type { Operation, ServiceError } from "@millrace/api";
import type { WireRequest } from "../exchange.ts";
import type { Reply } from "../protocol-answers.ts";

export interface Protocol {
  /** The name of the operation that a request asks for; undefined when it speaks another protocol. */
  operationNamed(request: WireRequest): string | undefined;
  /**
   * The input, which shares no memory with the body.
   *
   * @throws {SerializationFault} when the body is no document or does not fit the shapes.
   */
  decode(request: WireRequest, operation: Operation): unknown;
  answer(operation: Operation, output: object, requestId: string): Reply;
  /** The answer to a request that is refused; `request` says in which form the client understands it. */
  refusal(error: ServiceError, request: WireRequest, requestId: string): Reply;
}
