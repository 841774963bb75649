/**
 * The Prometheus text format, in slices.
 *
 * Twenty thousand subscriptions with a dozen series each are tens of megabytes. A scrape therefore never builds the whole
 * text: after each slice other work has its turn, and a slow reader holds the rest back. `prom-client` builds one string
 * in one go, with the event loop held throughout.
 */
import { setImmediate as nextTurn } from "node:timers/promises";

export interface Sample {
  /** Behind the family's name, as a histogram's series have it: `_bucket`, `_sum`, `_count`. Nothing where left out. */
  readonly suffix?: string;
  /** As `labelsOf` makes them. */
  readonly labels: string;
  readonly value: number;
}

/** All series of one name: the format wants them together. */
export interface MetricFamily {
  readonly name: string;
  readonly type: "gauge" | "counter" | "histogram";
  readonly help: string;
  /** Read once, while the text is sent. */
  readonly samples: Iterable<Sample>;
}

export const PROMETHEUS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Some 25 KiB, and a fraction of a millisecond of work. */
const LINES_PER_SLICE = 250;

/** Renders the families in order, yielding to the event loop after each slice. */
export async function* renderMetrics(families: Iterable<MetricFamily>): AsyncGenerator<string, void, undefined> {
  let slice = "";
  let lines = 0;
  for (const { name, type, help, samples } of families) {
    slice += `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n`;
    for (const { suffix = "", labels, value } of samples) {
      slice += `${name}${suffix}${labels} ${value}\n`;
      lines += 1;
      if (lines < LINES_PER_SLICE) continue;
      yield slice;
      slice = "";
      lines = 0;
      await nextTurn();
    }
  }
  if (slice !== "") yield slice;
}

/** `{topic_id="t"}`, or nothing where there are no labels. */
export function labelsOf(labels: Readonly<Record<string, string>>): string {
  const pairs = pairsOf(labels);
  return pairs === "" ? "" : `{${pairs}}`;
}

/** What `labelsOf` puts between its braces. */
export function pairsOf(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escapeLabel(value)}"`)
    .join(",");
}

function escapeLabel(value: string): string {
  return /[\\"\n]/.test(value) ? value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n") : value;
}

function escapeHelp(help: string): string {
  return help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}
