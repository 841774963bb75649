import { Histogram } from "./histogram.js";
import { type ResponseCode, ResponseCounts } from "./response-counts.js";

const SEND_LATENCY_BOUNDS_US = [250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 500_000, 1_000_000];
const MESSAGE_SIZE_BOUNDS_BYTES = [64, 256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304];

/** What requests asked of one topic since the server's start. Made with the first request, counted per request. */
export class TopicUsage {
  readonly sends = new ResponseCounts();
  /** In microseconds, of those that were stored. Undefined: none was. */
  sendLatencies: Histogram | undefined;
  /** Bytes of each message that was stored, as its publisher sent it. */
  messageSizes: Histogram | undefined;
  /** Updates that took effect. */
  configUpdates = 0;

  /** A publish failed. */
  refused(code: ResponseCode): void {
    this.sends.add(code);
  }

  /** A publish was stored. */
  stored(lengths: ArrayLike<number>, count: number, durationMs: number): void {
    this.sends.add("OK");
    this.sendLatencies ??= new Histogram(SEND_LATENCY_BOUNDS_US);
    this.sendLatencies.add(durationMs * 1_000);
    this.messageSizes ??= new Histogram(MESSAGE_SIZE_BOUNDS_BYTES);
    this.messageSizes.addEach(lengths, count);
  }
}
