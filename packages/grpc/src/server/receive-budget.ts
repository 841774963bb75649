/**
 * Memory for messages that have begun to arrive, one budget for the server.
 *
 * A message's whole length is taken when its prefix has been read. Where there is not enough, the call waits: its stream is
 * not read on, so HTTP/2's windows hold the peer back.
 */
export class ReceiveBudget {
  #freeBytes: number;
  readonly #waiting: { readonly sizeBytes: number; readonly start: () => void }[] = [];

  constructor(sizeBytes: number) {
    this.#freeBytes = sizeBytes;
  }

  get freeBytes(): number {
    return this.#freeBytes;
  }

  get waitingCount(): number {
    return this.#waiting.length;
  }

  /** Takes `sizeBytes` now and answers true, or calls `start` once they are taken. First come, first served. */
  take(sizeBytes: number, start: () => void): boolean {
    if (this.#waiting.length === 0 && sizeBytes <= this.#freeBytes) {
      this.#freeBytes -= sizeBytes;
      return true;
    }
    this.#waiting.push({ sizeBytes, start });
    return false;
  }

  /** Gives up waiting; `start` will not be called. */
  abandon(start: () => void): void {
    const at = this.#waiting.findIndex((waiter) => waiter.start === start);
    if (at === -1) return;
    this.#waiting.splice(at, 1);
    this.#serve();
  }

  giveBack(sizeBytes: number): void {
    this.#freeBytes += sizeBytes;
    this.#serve();
  }

  #serve(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (next.sizeBytes > this.#freeBytes) return;
      this.#waiting.shift();
      this.#freeBytes -= next.sizeBytes;
      next.start();
    }
  }
}
