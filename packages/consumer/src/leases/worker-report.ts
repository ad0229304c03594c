/**
 * What workers tell the leader of an application of the Kinesis Client Library 3, which balances leases among those that tell it
 * something. Rows and their attributes are those of its version 3.5.1 (WorkerMetricStats), times and loads in its units.
 */

/**
 * Which table rows are in. `leases`: the table of leases, since version 3.5; `separate`: `<application>-WorkerMetricStats`, before
 * it, and until an older application has been moved.
 */
export type ReportPlace = "leases" | "separate";

/** What a worker says of itself to the leader of an application. */
export interface WorkerReport {
  readonly workerId: string;
  readonly place: ReportPlace;
  /** When it was written, in seconds since 1970, by the clock of who wrote it. */
  readonly updatedSeconds: number;
  /**
   * How busy the worker's processor was between reports, in percent, the oldest first; -1 where it is not known. Undefined: it
   * does not say, and the leader goes by what the worker's leases carry.
   */
  readonly processorLoads: readonly number[] | undefined;
  /** Whether a worker of this package wrote it. */
  readonly isOurs: boolean;
}

/** Where the reports of an application's workers are kept. A rejected promise means that nothing is known about a write. */
export interface WorkerReports {
  /** Reports of living workers, and of dead ones that nobody has cleaned up. */
  list(): Promise<readonly WorkerReport[]>;

  /** Stores the worker's report in place of the one before. */
  write(report: WorkerReport): Promise<void>;

  /** Removes the worker's report, if there is one. */
  remove(workerId: string, place: ReportPlace): Promise<void>;
}

/** DynamoDB's JSON, as far as reports need it. */
type ReportValue =
  | { readonly S: string }
  | { readonly N: string }
  | { readonly L: readonly ReportValue[] }
  | { readonly M: { readonly [name: string]: ReportValue } };

export type ReportItem = { readonly [attribute: string]: ReportValue };

export const REPORT_ENTITY_TYPE = "WORKER_METRIC_STATS";
export const REPORT_KEYS = { leases: "leaseKey", separate: "wid" } as const;

const PROCESSOR = "C";
const LIBRARY = "@millrace/consumer";
/** The one that the leader asks all workers for before it moves reports into the table of leases: that they know them there. */
const SUPPORT_CODE = 1;
const PERCENT_MAX = 100;

export function reportToItem(report: WorkerReport): ReportItem {
  const { workerId, place, updatedSeconds, processorLoads } = report;
  const time = { N: String(updatedSeconds) };
  return {
    [REPORT_KEYS[place]]: { S: workerId },
    entityType: { S: REPORT_ENTITY_TYPE },
    lut: time,
    sts: {
      M:
        processorLoads === undefined
          ? {}
          : { [PROCESSOR]: { L: processorLoads.map((load) => ({ N: String(load) })) } },
    },
    opr: { M: processorLoads === undefined ? {} : { [PROCESSOR]: { L: [{ N: String(PERCENT_MAX) }] } } },
    properties: { M: { library: { S: LIBRARY } } },
    sup: { N: String(SUPPORT_CODE) },
    slu: time,
  };
}

/** The report in an item; undefined when it has no worker, or never said when it was written: the leader passes those over, too. */
export function reportFromItem(item: ReportItem, place: ReportPlace): WorkerReport | undefined {
  const workerId = item[REPORT_KEYS[place]];
  const updated = item["lut"];
  if (workerId === undefined || !("S" in workerId) || updated === undefined || !("N" in updated))
    return undefined;
  const loads = memberOf(item["sts"], PROCESSOR);
  const library = memberOf(item["properties"], "library");
  return {
    workerId: workerId.S,
    place,
    updatedSeconds: Number(updated.N),
    processorLoads:
      loads !== undefined && "L" in loads
        ? loads.L.map((load) => ("N" in load ? Number(load.N) : -1))
        : undefined,
    isOurs: library !== undefined && "S" in library && library.S === LIBRARY,
  };
}

function memberOf(value: ReportValue | undefined, name: string): ReportValue | undefined {
  return value !== undefined && "M" in value ? value.M[name] : undefined;
}
