import type { Span } from "../../engine/settings.js";

const SECONDS_PER_MINUTE = 60;
const SECONDS_PER_HOUR = 3600;
const NANOS_PER_MILLI = 1_000_000;
const NANOS_PER_MICRO = 1_000;

/**
 * Prints a span the way error texts of the service do: `9m59s`, `1h`, `744h`, `500ms`, `0`. Units that are zero are
 * left out; a negative span (both parts at most 0) has a leading `-`.
 */
export function goDuration(span: Span): string {
  if (span.seconds < 0 || span.nanos < 0) return `-${goDuration({ seconds: -span.seconds, nanos: -span.nanos })}`;
  if (span.seconds === 0) return subSecond(span.nanos);
  const hours = Math.floor(span.seconds / SECONDS_PER_HOUR);
  const minutes = Math.floor((span.seconds % SECONDS_PER_HOUR) / SECONDS_PER_MINUTE);
  const seconds = span.seconds % SECONDS_PER_MINUTE;
  let text = "";
  if (hours > 0) text += `${hours}h`;
  if (minutes > 0) text += `${minutes}m`;
  if (seconds > 0 || span.nanos > 0) text += `${seconds}${fraction(span.nanos)}s`;
  return text;
}

/** Prints whole seconds like {@link goDuration}. */
export function goSeconds(seconds: number): string {
  return goDuration({ seconds, nanos: 0 });
}

function subSecond(nanos: number): string {
  if (nanos === 0) return "0";
  if (nanos >= NANOS_PER_MILLI) return `${nanos / NANOS_PER_MILLI}ms`;
  if (nanos >= NANOS_PER_MICRO) return `${nanos / NANOS_PER_MICRO}us`;
  return `${nanos}ns`;
}

function fraction(nanos: number): string {
  return nanos === 0 ? "" : `.${String(nanos).padStart(9, "0").replace(/0+$/, "")}`;
}
