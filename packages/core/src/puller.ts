import type { Generation, PullerId } from "./events.js";

/** What is out with one client and counts against its window. Outlives the puller that delivered it. */
export interface Account {
  readonly index: number;
  outstandingMessages: number;
  outstandingBytes: number;
  /** The open puller it counts against now. */
  puller: Puller | undefined;
  /** The closed unary pull whose batch may still come back. */
  closedId: PullerId | undefined;
  /** The client that left it behind and may come back to it; "" where none. */
  clientId: string;
}

/** One open pull or streaming pull. */
export interface Puller {
  readonly id: PullerId;
  readonly clientId: string;
  readonly account: Account;
  /** Infinity where unlimited. */
  readonly outstandingMessagesMax: number;
  readonly outstandingBytesMax: number;
  readonly isOnce: boolean;
  /** At most one message of an ordering key is out with it at a time. */
  readonly isKeyExclusive: boolean;
  leaseMs: number;
  isOpen: boolean;
  /** The batch it can take now; 0 messages: none. */
  readyMessages: number;
  readyBytes: number;
  hasCredit: boolean;
  /** The batch delivered last, so that it can come back: pairs of first sequence and count. */
  lastGeneration: Generation;
  lastRuns: readonly number[];
}

/** How many messages `puller` can be given in one batch now. */
export function freeMessages(puller: Puller): number {
  return Math.min(puller.readyMessages, puller.outstandingMessagesMax - puller.account.outstandingMessages);
}

/** How many bytes may be out with `puller` before nothing more is started. */
export function freeBytes(puller: Puller): number {
  return puller.outstandingBytesMax - puller.account.outstandingBytes;
}
