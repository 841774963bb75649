/** Counts calls as they end, for `/metrics`, and logs what was nobody's fault but ours. */
import type { StatusName } from "@peal/wire/hot";
import type { CallObserver } from "../api/call-observer.js";
import type { Logger } from "../logger.js";
import { labelsOf, type MetricFamily } from "./prometheus-text.js";

interface Tally {
  readonly labels: string;
  calls: number;
  seconds: number;
}

/** A server has some fifty methods and seventeen codes: the table stays small whatever clients do. */
export class CallCounts implements CallObserver {
  readonly #logger: Logger;
  readonly #tallies = new Map<string, Map<StatusName, Tally>>();
  #streams = 0;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  callEnded(method: string, code: StatusName, durationMs: number): void {
    const tally = this.#tallies.get(method)?.get(code) ?? this.#newTally(method, code);
    tally.calls += 1;
    tally.seconds += durationMs / 1_000;
  }

  internalError(method: string, error: unknown): void {
    this.#logger.error({ err: error, method }, "a call met an error of the server");
  }

  streamOpened(): void {
    this.#streams += 1;
  }

  streamClosed(): void {
    this.#streams -= 1;
  }

  families(): readonly MetricFamily[] {
    const tallies = [...this.#tallies.values()].flatMap((byCode) => [...byCode.values()]);
    return [
      {
        name: "peal_calls",
        type: "counter",
        help: "Calls that have ended, over gRPC and REST.",
        samples: tallies.map(({ labels, calls }) => ({ labels, value: calls })),
      },
      {
        name: "peal_call_seconds",
        type: "counter",
        help: "Time that these calls took, in seconds; for a stream its whole life.",
        samples: tallies.map(({ labels, seconds }) => ({ labels, value: seconds })),
      },
      {
        name: "peal_open_streams",
        type: "gauge",
        help: "Streaming pulls that are open now.",
        samples: [{ labels: "", value: this.#streams }],
      },
    ];
  }

  #newTally(method: string, code: StatusName): Tally {
    const name = method.slice(method.lastIndexOf("/") + 1);
    const tally = { labels: labelsOf({ method: name, response_code: code }), calls: 0, seconds: 0 };
    const byCode = this.#tallies.get(method) ?? new Map<StatusName, Tally>();
    this.#tallies.set(method, byCode.set(code, tally));
    return tally;
  }
}
