/** What a store has of it lies at most this far behind. */
const WRITTEN_EVERY_MS = 3_600_000;

/** When a subscription was used last, in the server's age (`ServerAge`); written down at most hourly. */
export class LastActivity {
  /** The age at the last use. */
  atMs: number;
  #isWriting = false;
  #writtenMs: number;

  /** @param writtenMs - What the store has. What was may lie an hour behind it; an hour too late is safe. */
  constructor(writtenMs: number, ageMs: number) {
    this.#writtenMs = writtenMs;
    this.atMs = Math.min(writtenMs + WRITTEN_EVERY_MS, ageMs);
  }

  /**
   * Notes a use now.
   *
   * @param write - Makes it durable. Never rejects; a failure is made good by the next use.
   */
  touch(ageMs: number, write: () => Promise<boolean>): void {
    this.atMs = ageMs;
    if (ageMs - this.#writtenMs < WRITTEN_EVERY_MS || this.#isWriting) return;
    this.#isWriting = true;
    void write().then((isWritten) => {
      this.#isWriting = false;
      if (isWritten) this.#writtenMs = ageMs;
    });
  }
}
