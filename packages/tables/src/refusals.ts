/** The refusals that many operations share. Texts are those that dynalite's suite recorded against the service. */
import { ServiceError } from "@millrace/api";

export function invalid(message: string): ServiceError {
  return new ServiceError("ValidationException", message);
}

/** A value that cannot be taken. */
export function invalidValue(message: string): ServiceError {
  return invalid(`One or more parameter values were invalid: ${message}`);
}

/** What DynamoDB can do and this server cannot. */
export function notServed(what: string): ServiceError {
  return invalid(
    `${what} is not served: this server has the part of DynamoDB that the Kinesis Client Library needs, and is no DynamoDB`,
  );
}

export function noSuchTable(): ServiceError {
  return new ServiceError("ResourceNotFoundException", "Requested resource not found");
}
