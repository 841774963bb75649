/**
 * Memory for messages that have begun to arrive, one budget for the server.
 *
 * A message's whole length is taken when its prefix has been read. Where there is not enough, the call waits: its stream is
 * not read on, so HTTP/2's windows hold the peer back. But until its window is full a peer may go on sending, and Node keeps
 * what it sends: the window of a stream that is not read on is a promise of memory, with a budget of its own.
 */
export class ReceiveBudget {
  #freeBytes: number;
  readonly #windowBytes: number;
  readonly #onTight: (isTight: boolean) => void;
  #windowBytesFree: number;
  #isTight = false;
  readonly #waiting: { readonly sizeBytes: number; readonly start: () => void }[] = [];

  /**
   * @param sizeBytes - For messages that have begun to arrive.
   * @param windowBytes - For what may still arrive on streams that are not read on.
   * @param onTight - Told true when less than half of `windowBytes` is left, and false when three quarters are again.
   */
  constructor(sizeBytes: number, windowBytes: number, onTight: (isTight: boolean) => void) {
    this.#freeBytes = sizeBytes;
    this.#windowBytes = windowBytes;
    this.#windowBytesFree = windowBytes;
    this.#onTight = onTight;
  }

  get freeBytes(): number {
    return this.#freeBytes;
  }

  /** What is left for windows of streams that are not read on, in bytes. */
  get windowBytesFree(): number {
    return this.#windowBytesFree;
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

  /** A stream whose window is `sizeBytes` will not be read on; false where that would promise too much. */
  holdWindow(sizeBytes: number): boolean {
    if (sizeBytes > this.#windowBytesFree) return false;
    this.#windowBytesFree -= sizeBytes;
    if (!this.#isTight && this.#windowBytesFree < this.#windowBytes / 2) this.#setTight(true);
    return true;
  }

  releaseWindow(sizeBytes: number): void {
    this.#windowBytesFree += sizeBytes;
    if (this.#isTight && this.#windowBytesFree >= this.#windowBytes * 0.75) this.#setTight(false);
  }

  #setTight(isTight: boolean): void {
    this.#isTight = isTight;
    this.#onTight(isTight);
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
