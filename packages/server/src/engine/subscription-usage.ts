import { Histogram } from "./histogram.js";
import { ResponseCounts } from "./response-counts.js";

/** In ms: from what a client acks at once to the longest deadline. */
const ACK_LATENCY_BOUNDS_MS = [1, 5, 10, 50, 100, 500, 1_000, 5_000, 10_000, 60_000, 600_000];

/**
 * What requests asked of one subscription since the server's start; what came of it is in `SubscriptionTotals`. Made with
 * the first request, counted per request or batch, kept while the subscription is idle.
 */
export class SubscriptionUsage {
  readonly pulls = new ResponseCounts();
  /** Messages that answered them. */
  pulledMessages = 0;
  /** Acknowledge, not over a stream. */
  readonly ackRequests = new ResponseCounts();
  /** Ack ids in those, stale ones included. */
  ackIds = 0;
  /** ModifyAckDeadline, not over a stream. */
  readonly modifyRequests = new ResponseCounts();
  openStreams = 0;
  /** Responses on streams, and how streams failed. */
  readonly streamResponses = new ResponseCounts();
  streamedMessages = 0;
  /** Requests on streams that had something to ack. */
  streamAckRequests = 0;
  streamAckIds = 0;
  /** Requests on streams that had a deadline to change. */
  streamModifyRequests = 0;
  streamModifyIds = 0;
  /** Ack ids that failed, in acks and in deadline changes, under exactly-once. */
  exactlyOnceWarnings = 0;
  /** Updates and detachments that took effect. */
  configUpdates = 0;
  /** In ms. Undefined: nothing was acked. */
  ackLatencies: Histogram | undefined;

  addAckLatency(latencyMs: number, messages: number): void {
    this.ackLatencies ??= new Histogram(ACK_LATENCY_BOUNDS_MS);
    this.ackLatencies.add(latencyMs, messages);
  }
}
