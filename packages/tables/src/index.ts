export { createTables } from "./tables.ts";
export type { Tables, TablesDependencies, TablesOptions } from "./tables.ts";
export type { MetricPoint, MetricPoints, PointFilter } from "./metric-points.ts";
