/** The middle value; of an even number, the lower middle. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The value that a share of `quotient` of the values does not exceed. */
export function quantile(values: readonly number[], quotient: number): number {
  if (values.length === 0) throw new RangeError("no values");
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(sorted.length * quotient) - 1))]!;
}

/** Half of (greatest - least) / median, as a percentage: how far to trust the median. */
export function spreadPercent(values: readonly number[]): number {
  return (50 * (Math.max(...values) - Math.min(...values))) / median(values);
}
