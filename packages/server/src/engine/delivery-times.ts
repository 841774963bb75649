import type { Generation } from "@peal/core";

const CAPACITY_MIN = 64;
const CAPACITY_MAX = 2_048;

/**
 * When the latest batches of one subscription went out, to see how long their acks take. Generations rise by one from batch
 * to batch, so their remainder finds them in a ring; it grows with what is outstanding, up to 32 KiB.
 */
export class DeliveryTimes {
  /** By remainder: which batch went out last there, 0 for none, and when. */
  #generations = new Float64Array(CAPACITY_MIN);
  #timesMs = new Float64Array(CAPACITY_MIN);
  #untilLook = CAPACITY_MIN;

  /**
   * A batch goes out.
   *
   * @param outstanding - Messages out under a lease; asked once a round.
   */
  note(generation: Generation, nowMs: number, outstanding: () => number): void {
    this.#untilLook -= 1;
    if (this.#untilLook === 0) this.#growFor(outstanding());
    this.#put(generation, nowMs);
  }

  /** When the batch went out; undefined where that is forgotten. */
  get(generation: Generation): number | undefined {
    const place = generation % this.#generations.length;
    return this.#generations[place] === generation ? this.#timesMs[place] : undefined;
  }

  /** Visits how long ago the messages went out, neighbours of one batch together; what is forgotten is left out. */
  forEachAge(
    generations: readonly Generation[],
    nowMs: number,
    visit: (ageMs: number, messages: number) => void,
  ): void {
    let from = 0;
    for (let index = 1; index <= generations.length; index += 1) {
      if (generations[index] === generations[from]) continue;
      const atMs = this.get(generations[from]!);
      if (atMs !== undefined) visit(nowMs - atMs, index - from);
      from = index;
    }
  }

  #put(generation: Generation, atMs: number): void {
    const place = generation % this.#generations.length;
    this.#generations[place] = generation;
    this.#timesMs[place] = atMs;
  }

  #growFor(outstanding: number): void {
    const generations = this.#generations;
    const timesMs = this.#timesMs;
    const needsMore = outstanding >= generations.length && generations.length < CAPACITY_MAX;
    const capacity = needsMore ? generations.length * 2 : generations.length;
    this.#untilLook = capacity;
    if (!needsMore) return;
    this.#generations = new Float64Array(capacity);
    this.#timesMs = new Float64Array(capacity);
    for (let place = 0; place < generations.length; place += 1) {
      if (generations[place] !== 0) this.#put(generations[place]!, timesMs[place]!);
    }
  }
}
