/**
 * Memory for what was answered and has not left, one budget for the server.
 *
 * A peer that does not open its windows, or does not read its socket, pins its answers here. Nothing is refused for that:
 * when more than the budget is held, the call that has made no progress for longest is reset, and the next, until the rest
 * fits; the last one is never reset, so one answer may be larger than the budget.
 *
 *     unsent ── no room, or not gone in time ──▶ reset ── still on the socket ──▶ its connection is ended
 *
 * What is reset goes within a few turns of the loop, unless the socket holds it: then the connection is ended as soon as
 * another whole budget has gathered so, or after a quarter of `answerMs`. Two budgets and what is answered in `RESET_MS`
 * are thus the most that is held.
 *
 * A call that has ended but whose answer has not left after `answerMs` is reset, too. One that is open may be held back as
 * long as its client likes: that is how clients of streams pause.
 */
import type { Timer, TimeSource } from "../deadline-table.js";

/** How many times in `answerMs` it is looked whether that has passed. */
const SWEEPS = 4;
/** Time for what was reset to leave; a connection must not be ended in the turn it is read in, either. */
const RESET_MS = 20;

/** A call, as the budget sees it. The first three fields belong to the budget; they start at 0 and false. */
export interface Sender {
  /** What has been written and has not left, in bytes. */
  unsentBytes: number;
  /** When some of it last left, or was first written; from a reset on, when that was. */
  progressAtMs: number;
  isReset: boolean;
  /** Whether more may be written. */
  readonly isOpen: boolean;
  /** Ends the call: the peer does not take what was written. */
  reset(): void;
  /** Ends the connection: its socket does not take what was written. */
  cutOff(): void;
}

export class SendBudget {
  readonly #sizeBytes: number;
  readonly #answerMs: number;
  readonly #time: TimeSource;
  /** Those with unsent bytes; the one without progress for longest comes first. */
  readonly #senders = new Set<Sender>();
  #usedBytes = 0;
  /** Those that were reset, and whose bytes are still on the socket; the first one comes first. */
  readonly #reset = new Set<Sender>();
  #resetBytes = 0;
  #sweepTimer: Timer | undefined;
  #resetTimer: Timer | undefined;

  constructor(sizeBytes: number, answerMs: number, time: TimeSource) {
    this.#sizeBytes = sizeBytes;
    this.#answerMs = answerMs;
    this.#time = time;
  }

  /** What has been written and has not left, in bytes. */
  get usedBytes(): number {
    return this.#usedBytes + this.#resetBytes;
  }

  /** Notes what `sender` has unsent now; less than before is progress. */
  set(sender: Sender, unsentBytes: number): void {
    const beforeBytes = sender.unsentBytes;
    if (sender.isReset) {
      if (unsentBytes === 0) this.#forget(sender);
      return;
    }
    this.#usedBytes += unsentBytes - beforeBytes;
    sender.unsentBytes = unsentBytes;
    if (unsentBytes === 0) {
      if (beforeBytes > 0) this.#senders.delete(sender);
      return;
    }
    if (unsentBytes < beforeBytes || beforeBytes === 0) this.restart(sender);
    if (this.#usedBytes > this.#sizeBytes) this.#makeRoom();
  }

  /** Counts the time without progress from now. */
  restart(sender: Sender): void {
    if (sender.unsentBytes === 0 || sender.isReset) return;
    sender.progressAtMs = this.#time.nowMs();
    this.#senders.delete(sender);
    this.#senders.add(sender);
    this.#sweepTimer ??= this.#time.setTimer(this.#answerMs / SWEEPS, () => this.#sweep());
  }

  close(): void {
    this.#sweepTimer?.cancel();
    this.#resetTimer?.cancel();
  }

  #makeRoom(): void {
    for (const sender of this.#senders) {
      if (this.#usedBytes <= this.#sizeBytes || this.#senders.size === 1) break;
      this.#resetSender(sender);
    }
    if (this.#resetBytes > this.#sizeBytes) {
      this.#resetTimer ??= this.#time.setTimer(RESET_MS, () => this.#makeRoomOfReset());
    }
  }

  #makeRoomOfReset(): void {
    this.#resetTimer = undefined;
    const untilMs = this.#time.nowMs() - RESET_MS;
    for (const sender of this.#reset) {
      if (this.#resetBytes <= this.#sizeBytes) return;
      if (sender.progressAtMs > untilMs) break;
      this.#cutOff(sender);
    }
    if (this.#resetBytes > this.#sizeBytes) {
      this.#resetTimer = this.#time.setTimer(RESET_MS, () => this.#makeRoomOfReset());
    }
  }

  #sweep(): void {
    this.#sweepTimer = undefined;
    const sweepMs = this.#answerMs / SWEEPS;
    const nowMs = this.#time.nowMs();
    for (const sender of this.#reset) {
      if (sender.progressAtMs > nowMs - sweepMs) break;
      this.#cutOff(sender);
    }
    for (const sender of this.#senders) {
      if (sender.progressAtMs > nowMs - this.#answerMs) break;
      if (!sender.isOpen) this.#resetSender(sender);
    }
    if (this.#senders.size + this.#reset.size > 0) {
      this.#sweepTimer = this.#time.setTimer(sweepMs, () => this.#sweep());
    }
  }

  #resetSender(sender: Sender): void {
    this.#senders.delete(sender);
    this.#usedBytes -= sender.unsentBytes;
    this.#reset.add(sender);
    this.#resetBytes += sender.unsentBytes;
    sender.isReset = true;
    sender.progressAtMs = this.#time.nowMs();
    sender.reset();
  }

  #cutOff(sender: Sender): void {
    this.#forget(sender);
    sender.cutOff();
  }

  #forget(sender: Sender): void {
    if (this.#reset.delete(sender)) this.#resetBytes -= sender.unsentBytes;
    sender.unsentBytes = 0;
  }
}
