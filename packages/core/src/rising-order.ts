/** The indexes of `sequences` by rising sequence; equal ones stay in their order. */
export function risingOrder(sequences: readonly number[]): number[] {
  const indexes = sequences.map((_, index) => index);
  const isRising = sequences.every((sequence, index) => index === 0 || sequences[index - 1]! <= sequence);
  return isRising ? indexes : indexes.sort((left, right) => sequences[left]! - sequences[right]!);
}
