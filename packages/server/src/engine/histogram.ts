/** Counts values by size class, in a handful of numbers. */
export class Histogram {
  /** The upper end of each class, inclusive, rising; one more takes all above. */
  readonly bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.#counts = new Array<number>(bounds.length + 1).fill(0);
  }

  /** How many values are in each class, by `bounds`; the last is what lies above them all. */
  get counts(): readonly number[] {
    return this.#counts;
  }

  get sum(): number {
    return this.#sum;
  }

  /** Counts one value, or the same one `times` over. */
  add(value: number, times = 1): void {
    this.#counts[this.#classOf(value)]! += times;
    this.#sum += value * times;
  }

  /** Counts the first `count` of the values. Neighbours are often alike: each begins where the last one was found. */
  addEach(values: ArrayLike<number>, count: number): void {
    const { bounds } = this;
    let found = 0;
    let sum = 0;
    for (let index = 0; index < count; index += 1) {
      const value = values[index]!;
      while (found > 0 && value <= bounds[found - 1]!) found -= 1;
      while (found < bounds.length && value > bounds[found]!) found += 1;
      this.#counts[found]! += 1;
      sum += value;
    }
    this.#sum += sum;
  }

  #classOf(value: number): number {
    let found = 0;
    while (found < this.bounds.length && value > this.bounds[found]!) found += 1;
    return found;
  }
}
