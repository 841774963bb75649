import { Deque } from "./deque.js";

/** Lets a bounded number of reads be under way, first come, first served, so that commits never wait behind reads. */
export class ReadGate {
  #free: number;
  readonly #waiting = new Deque<() => void>();

  constructor(readsInFlight: number) {
    this.#free = readsInFlight;
  }

  /** Whether a read would begin at once. */
  get hasRoom(): boolean {
    return this.#free > 0;
  }

  async run<T>(read: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await read();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }
}
