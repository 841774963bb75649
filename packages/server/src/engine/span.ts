import type { Span } from "./settings.js";

/** Whole milliseconds; a part of one counts as one. */
export function spanMs(span: Span): number {
  return span.seconds * 1_000 + Math.ceil(span.nanos / 1_000_000);
}
