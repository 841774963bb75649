/** `POST /_/clock:advance {"by": "11m"}`: moves the server's time. There only where the server was started with a test clock. */

/** A year of leap days: more than any span the service knows. */
const ADVANCE_MAX_MS = 366 * 86_400_000;
const UNIT_MS = new Map([
  ["ms", 1],
  ["s", 1_000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
]);
const SPAN = /^(?:\d{1,12}(?:\.\d{1,9})?(?:ms|s|m|h|d))+$/;
const SPAN_PART = /(\d+(?:\.\d+)?)(ms|s|m|h|d)/g;

export const CLOCK_ROUTE = "/_/clock:advance";

/** Refused: the message says why. */
export class AdvanceError extends Error {
  override readonly name = "AdvanceError";
}

/**
 * Reads how far to move the clock.
 *
 * @param body - JSON with the one key `by`: parts like `1h30m`, `90s` or `1.5s`, in all above 0 and at most 366 days.
 * @returns Milliseconds.
 * @throws {AdvanceError} Anything else.
 */
export function parseAdvance(body: string): number {
  const by = readBy(body);
  const rule = 'use a span like "11m", "1h30m" or "500ms", above 0 and at most "366d"';
  if (typeof by !== "string" || !SPAN.test(by)) throw new AdvanceError(`by is ${JSON.stringify(by)}; ${rule}`);
  let byMs = 0;
  for (const [, amount, unit] of by.matchAll(SPAN_PART)) byMs += Number(amount) * UNIT_MS.get(unit!)!;
  if (byMs <= 0 || byMs > ADVANCE_MAX_MS) throw new AdvanceError(`by is ${JSON.stringify(by)}; ${rule}`);
  return byMs;
}

function readBy(body: string): unknown {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch (error) {
    throw new AdvanceError('the body is not JSON; send {"by": "11m"}', { cause: error });
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw new AdvanceError('the body is not an object; send {"by": "11m"}');
  }
  const strange = Object.keys(parsed).find((key) => key !== "by");
  if (strange !== undefined)
    throw new AdvanceError(`the body has the key ${JSON.stringify(strange)}; send {"by": "11m"}`);
  if (!("by" in parsed)) throw new AdvanceError('the body has no "by"; send {"by": "11m"}');
  return parsed.by;
}
