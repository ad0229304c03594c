import { dynamodb } from "@millrace/api";
import { Placeholders } from "../expressions/placeholders.ts";
import { handle } from "../handler.ts";
import { filterOf, readPage, shownPaths } from "../reading/read-page.ts";
import { behind, inScanOrder, sourceOf } from "../reading/source.ts";
import { wantedPaths } from "../reading/wanted-paths.ts";
import { invalid } from "../refusals.ts";
import { tableInUse } from "../tables/find-table.ts";
import type { StoredItem } from "../tables/items.ts";
import { refuseMixture } from "../writing/conditions.ts";

/** Reads a table or an index, or one segment of it, in the order of the hashes of its keys. */
export const scan = handle(dynamodb.operations.Scan, (context, input, call) => {
  const { FilterExpression, ProjectionExpression, Segment, TotalSegments } = input;
  if ((Segment === undefined) !== (TotalSegments === undefined)) {
    const [given, missing] =
      Segment === undefined ? ["TotalSegments", "Segment"] : ["Segment", "TotalSegments"];
    throw invalid(
      `The ${missing} parameter is required but was not present in the request when ${given} parameter is present`,
    );
  }
  if (Segment !== undefined && Segment >= TotalSegments!) {
    throw invalid(
      "The Segment parameter is zero-based and must be less than parameter TotalSegments: " +
        `Segment: ${Segment} is not less than TotalSegments: ${TotalSegments}`,
    );
  }
  refuseMixture(
    input,
    ["AttributesToGet", "ScanFilter", "ConditionalOperator"],
    ["ProjectionExpression", "FilterExpression"],
  );
  const placeholders = new Placeholders(
    input,
    FilterExpression !== undefined || ProjectionExpression !== undefined,
  );
  const paths = wantedPaths(input, placeholders);
  const filter = filterOf(input, ["ScanFilter", input.ScanFilter], placeholders);
  placeholders.refuseUnused();
  const table = tableInUse(context, input.TableName, call);
  const source = sourceOf(table, input.IndexName, input.ConsistentRead === true, call.nowMs);
  const shown = shownPaths(source, input.Select, paths);
  const rest = behind(source, inScanOrder(source), input.ExclusiveStartKey, true);
  const candidates =
    Segment === undefined ? rest : rest.filter((item) => segmentOf(item, TotalSegments!) === Segment);
  return readPage(source, candidates, input, filter, shown);
});

/** Segments share the hashes evenly, each a run of them. */
function segmentOf({ place }: StoredItem, segmentCount: number): number {
  return Math.floor((Number.parseInt(place.hash.slice(0, 8), 16) / 2 ** 32) * segmentCount);
}
