import type { Duration } from "@bufbuild/protobuf/wkt";
import type { Range } from "@peal/wire/hot";
import type { Span } from "../../engine/settings.js";
import { malformedDuration, spanOutOfBounds } from "../error-catalogue.js";

const NANOS_PER_SECOND = 1_000_000_000;
/** google.protobuf.Duration: ten thousand years, either way. */
const MAX_DURATION_SECONDS = 315_576_000_000;

/**
 * Turns a Duration of the wire into a span. Both parts may be negative.
 *
 * @throws PubSubError INVALID_ARGUMENT where its parts contradict each other or are out of range.
 */
export function spanOf(field: string, duration: Duration): Span {
  const seconds = Number(duration.seconds);
  const { nanos } = duration;
  const areSignsMixed = (seconds > 0 && nanos < 0) || (seconds < 0 && nanos > 0);
  if (areSignsMixed || Math.abs(nanos) >= NANOS_PER_SECOND || Math.abs(seconds) > MAX_DURATION_SECONDS) {
    throw malformedDuration(field);
  }
  return { seconds, nanos };
}

/**
 * Checks that a Duration lies within bounds, both included.
 *
 * @param what - What the error text calls it, as in `message retention duration`.
 * @throws PubSubError INVALID_ARGUMENT
 */
export function checkSpan(field: string, what: string, duration: Duration, bounds: Range): Span {
  const span = spanOf(field, duration);
  if (isBelow(span, bounds.min) || isAbove(span, bounds.max)) {
    throw spanOutOfBounds(what, span, bounds.min, bounds.max);
  }
  return span;
}

/** Is the span shorter than so many seconds? */
export function isBelow(span: Span, seconds: number): boolean {
  return span.seconds < seconds || (span.seconds === seconds && span.nanos < 0);
}

/** Is the span longer than so many seconds? */
export function isAbove(span: Span, seconds: number): boolean {
  return span.seconds > seconds || (span.seconds === seconds && span.nanos > 0);
}

/** Negative where `a` is the shorter one, 0 where they are equal. */
export function compareSpans(a: Span, b: Span): number {
  return a.seconds - b.seconds || a.nanos - b.nanos;
}

/** Seconds with as many decimals as needed, as in `86400` or `0.5`. */
export function secondsText(span: Span): string {
  if (span.nanos === 0) return String(span.seconds);
  return `${span.seconds}.${String(span.nanos).padStart(9, "0").replace(/0+$/, "")}`;
}
