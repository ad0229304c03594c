import type { Placeholders } from "../expressions/placeholders.ts";
import { readProjection } from "../expressions/projection.ts";
import type { Path } from "../expressions/syntax.ts";
import { refuseMixture } from "../writing/conditions.ts";

/** The attributes that a read asks for; undefined for all. @throws {ServiceError} `ValidationException`. */
export function wantedPaths(
  input: { readonly ProjectionExpression?: string; readonly AttributesToGet?: readonly string[] },
  placeholders: Placeholders,
): readonly Path[] | undefined {
  refuseMixture(input, ["AttributesToGet"], ["ProjectionExpression"]);
  const { AttributesToGet, ProjectionExpression } = input;
  if (ProjectionExpression !== undefined) return readProjection(ProjectionExpression, placeholders);
  return AttributesToGet?.map((name) => [name]);
}
