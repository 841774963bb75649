/**
 * Counts what is under way: commits, reads, things put off to the end of the turn. Lets a test, the simulation and the
 * test clock wait until the engine has come to rest.
 */
export class Activity {
  #count = 0;
  #waiting: (() => void)[] = [];
  #deferred: (() => void)[] = [];

  begin(): void {
    this.#count += 1;
  }

  end(): void {
    this.#count -= 1;
    if (this.#count === 0 && this.#waiting.length > 0) setImmediate(() => this.#release());
  }

  /** Counts `work` until it settles. */
  async track<T>(work: Promise<T>): Promise<T> {
    this.begin();
    try {
      return await work;
    } finally {
      this.end();
    }
  }

  /** Runs `work` when everything that arrived in this turn of the event loop has been seen. */
  defer(work: () => void): void {
    this.#deferred.push(work);
    if (this.#deferred.length > 1) return;
    this.begin();
    setImmediate(() => {
      const deferred = this.#deferred;
      this.#deferred = [];
      try {
        for (const run of deferred) run();
      } finally {
        this.end();
      }
    });
  }

  /** Resolves once nothing is under way and what followed from the last thing has had its turn. */
  quiesce(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      setImmediate(() => this.#release());
    });
  }

  #release(): void {
    if (this.#count > 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
