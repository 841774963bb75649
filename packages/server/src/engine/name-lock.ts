/** Lets the changes of one name take turns, so that each sees the outcome of the one before. */
export class NameLock {
  readonly #tails = new Map<string, Promise<void>>();

  async run<T>(name: string, change: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(name);
    let release: () => void = () => undefined;
    const tail = new Promise<void>((resolve) => {
      release = resolve;
    });
    this.#tails.set(name, tail);
    try {
      await before;
      return await change();
    } finally {
      if (this.#tails.get(name) === tail) this.#tails.delete(name);
      release();
    }
  }
}
