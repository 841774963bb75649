/** The series of topics, subscriptions and snapshots: one row of a table is one family, with some series for each resource. */
import { Histogram } from "../engine/histogram.js";
import { type ResponseCode, ResponseCounts } from "../engine/response-counts.js";
import { type MetricFamily, pairsOf, type Sample } from "./prometheus-text.js";

/** What a row shows of one resource: one number, one by outcome, or a distribution. Undefined: nothing is known, no series. */
export type RowValue = number | ResponseCounts | Histogram | undefined;

export interface Row<T> {
  readonly name: string;
  readonly type: MetricFamily["type"];
  readonly help: string;
  readonly value: (item: T, nowMs: number) => RowValue;
}

/** A resource and its labels, which all its series share. */
export interface Labelled<T> {
  readonly name: string;
  readonly item: T;
  /** As `pairsOf` makes them. */
  readonly pairs: string;
}

/** @param idLabel - `topic_id`, `subscription_id` or `snapshot_id`. */
export function* labelled<T extends { readonly name: string }>(
  items: Iterable<T>,
  idLabel: string,
): Generator<Labelled<T>> {
  for (const item of items) {
    // A full name is projects/PROJECT/topics/ID.
    const [, project = "", , id = ""] = item.name.split("/");
    yield { name: item.name, item, pairs: pairsOf({ project_id: project, [idLabel]: id }) };
  }
}

export function familyOf<T>(row: Row<T>, items: readonly Labelled<T>[], nowMs: number): MetricFamily {
  return { name: row.name, type: row.type, help: row.help, samples: samplesOf(row, items, nowMs) };
}

function* samplesOf<T>(row: Row<T>, items: readonly Labelled<T>[], nowMs: number): Generator<Sample> {
  for (const { item, pairs } of items) {
    const value = row.value(item, nowMs);
    if (value instanceof Histogram) yield* histogramSamples(value, pairs);
    else if (value instanceof ResponseCounts) yield* responseSamples(value, pairs);
    else if (value !== undefined) yield { labels: `{${pairs}}`, value };
  }
}

/** All at once: the counts go on while a scrape is read, and the series of one histogram must agree. */
function histogramSamples({ bounds, counts, sum }: Histogram, pairs: string): readonly Sample[] {
  const samples: Sample[] = [];
  let below = 0;
  for (let index = 0; index < counts.length; index += 1) {
    below += counts[index]!;
    samples.push({ suffix: "_bucket", labels: `{${pairs},le="${bounds[index] ?? "+Inf"}"}`, value: below });
  }
  const labels = `{${pairs}}`;
  samples.push({ suffix: "_sum", labels, value: sum }, { suffix: "_count", labels, value: below });
  return samples;
}

function responseSamples(counts: ResponseCounts, pairs: string): readonly Sample[] {
  return [...counts.entries()].map(([code, value]) => {
    const response = pairsOf({ response_class: responseClassOf(code), response_code: responseCodeOf(code) });
    return { labels: `{${pairs},${response}}`, value };
  });
}

/** Whose fault it was, in the words of Cloud Monitoring. */
function responseClassOf(code: ResponseCode): "success" | "invalid" | "internal" {
  switch (code) {
    case "OK":
      return "success";
    // No room, no disk, going down: the caller did nothing wrong.
    case "RESOURCE_EXHAUSTED":
    case "DEADLINE_EXCEEDED":
    case "INTERNAL":
    case "UNAVAILABLE":
      return "internal";
    default:
      return "invalid";
  }
}

function responseCodeOf(code: ResponseCode): string {
  return code === "OK" ? "success" : code.toLowerCase();
}
