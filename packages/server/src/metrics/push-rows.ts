/** What is shown of the subscriptions that push. */
import { isSuccess } from "../push/post-request.js";
import { OTHER_OUTCOMES, type PushState } from "../push/push-log.js";
import { type MetricFamily, pairsOf, type Sample } from "./prometheus-text.js";
import { familyOf, type Labelled, type Row } from "./resource-family.js";

const PREFIX = "pubsub_googleapis_com_subscription_";

const PUSH_ROWS: readonly Row<PushState>[] = [
  {
    name: `${PREFIX}push_request_latencies`,
    type: "histogram",
    help: "Time from a push to its answer, or to its end without one, in microseconds.",
    value: ({ log }) => log.latencies,
  },
  {
    name: "peal_subscription_push_window",
    type: "gauge",
    help: "Most pushes that may be outstanding now.",
    value: (state) => state.window,
  },
  {
    name: "peal_subscription_push_pause_seconds",
    type: "gauge",
    help: "Seconds for which nothing new is pushed, because of failures; 0 while pushes go on.",
    value: (state) => state.pauseMs / 1_000,
  },
];

/** @param states - Each subscription once. */
export function pushFamilies(states: readonly Labelled<PushState>[], nowMs: number): readonly MetricFamily[] {
  const requests: MetricFamily = {
    name: `${PREFIX}push_request_count`,
    type: "counter",
    help: "Pushes that ended, by status or error.",
    samples: requestSamples(states),
  };
  return [requests, ...PUSH_ROWS.map((row) => familyOf(row, states, nowMs))];
}

function* requestSamples(states: readonly Labelled<PushState>[]): Generator<Sample> {
  for (const { item, pairs } of states) {
    // At once: the counts go on while a scrape is read.
    for (const [outcome, value] of [...item.log.outcomes]) {
      const response = pairsOf({ response_class: responseClassOf(outcome), response_code: outcome.toLowerCase() });
      yield { labels: `{${pairs},${response}}`, value };
    }
  }
}

/** Whose fault it was, in the words of Cloud Monitoring. */
function responseClassOf(outcome: string): string {
  switch (outcome) {
    case OTHER_OUTCOMES:
      return OTHER_OUTCOMES;
    case "DEADLINE_EXCEEDED":
      return "deadline_exceeded";
    case "INTERNAL":
      return "internal";
    case "INVALID_ENDPOINT":
    case "ADDRESS_REFUSED":
      return "invalid";
    default:
      return /^\d+$/.test(outcome) ? answerClassOf(Number(outcome)) : "unreachable";
  }
}

function answerClassOf(status: number): string {
  if (isSuccess({ kind: "answered", status })) return "ack";
  if (status >= 400 && status < 600) return status < 500 ? "remote_server_4xx" : "remote_server_5xx";
  return "invalid";
}
