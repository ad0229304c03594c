import type { Operation, StructureShape } from "./shape.ts";

/** A service: its names on the wire and its operations, by name. */
export interface Service<
  Operations extends Readonly<Record<string, Operation>> = Readonly<Record<string, Operation>>,
> {
  /** The name in a signature's credential scope. */
  readonly name: string;
  /** What stands before the dot in `X-Amz-Target`; in RPC paths it is the service's name. */
  readonly targetPrefix: string;
  readonly apiVersion: string;
  readonly operations: Operations;
  /** The version of AWS JSON in which its clients speak to it. Default: 1.1. */
  readonly jsonVersion?: "1.0" | "1.1";
  /** What stands before the `#` in the `__type` of an error, where the service has it. */
  readonly errorNamespace?: string;
  /** Errors that have another name in the query protocol than in the model. */
  readonly queryErrorCodes?: Readonly<Record<string, string>>;
  /** The name space of answers in XML, where the service speaks the query protocol. */
  readonly xmlNamespace?: string;
  /** Members that errors have beside their message, all of them optional. */
  readonly errorDetails?: StructureShape;
}

export function service<Operations extends Readonly<Record<string, Operation>>>(
  declaration: Service<Operations>,
): Service<Operations> {
  return Object.freeze({ ...declaration, operations: Object.freeze(declaration.operations) });
}
