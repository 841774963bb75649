/** The `grpc-timeout` header: up to eight digits and a unit. */

const PATTERN = /^(\d{1,8})([HMSmun])$/;
const UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 0.001,
  n: 0.000_001,
};

/** The span in ms, or undefined where the header is malformed. */
export function parseTimeout(header: string): number | undefined {
  const match = PATTERN.exec(header);
  return match === null ? undefined : Number(match[1]) * UNIT_MS[match[2]!]!;
}

/** The span rounded up to a unit that holds it in eight digits; Infinity has no header. */
export function formatTimeout(timeoutMs: number): string | undefined {
  if (timeoutMs === Number.POSITIVE_INFINITY) return undefined;
  const spanMs = Math.max(0, timeoutMs);
  for (const unit of ["m", "S", "M", "H"]) {
    const digits = Math.ceil(spanMs / UNIT_MS[unit]!);
    if (digits < 1e8) return `${digits}${unit}`;
  }
  return "99999999H";
}
