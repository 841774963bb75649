import { assert } from "./assert.js";
import type { Event, PullerId } from "./events.js";
import { NO_ACCOUNT } from "./lease-table.js";
import { type Account, freeBytes, freeMessages, type Puller } from "./puller.js";

/**
 * The pullers of a subscription and what is out with each.
 *
 * A lease names an account, not a puller: leases outlive their puller (S-3.13) and then count against nobody, unless a
 * client comes back under its id: then they count against its new stream (S-7.16). An account ends with its last lease.
 */
export class PullerTable {
  readonly #pullers = new Map<PullerId, Puller>();
  /** Those that are ready and have credit, the one that waits longest first. */
  readonly #takers = new Set<Puller>();
  readonly #accounts: (Account | undefined)[] = [];
  readonly #freeAccounts: number[] = [];
  /** Accounts of closed pullers with a client id, by that id. */
  readonly #orphans = new Map<string, Account>();
  #openCount = 0;
  #creditedCount = 0;

  get openCount(): number {
    return this.#openCount;
  }

  /** Open pullers whose window is not full, whether or not they are ready. */
  get creditedCount(): number {
    return this.#creditedCount;
  }

  get takerCount(): number {
    return this.#takers.size;
  }

  /** Of those that can be given messages now, the one that waits longest. */
  get firstTaker(): Puller | undefined {
    for (const puller of this.#takers) return puller;
    return undefined;
  }

  /** What all takers together can be given now. */
  takersFreeMessages(): number {
    let free = 0;
    for (const puller of this.#takers) free += freeMessages(puller);
    return free;
  }

  /** Others are asked before it. */
  postpone(puller: Puller): void {
    if (this.#takers.delete(puller)) this.#takers.add(puller);
  }

  /** Every lease has ended: nothing counts against anybody any more. */
  releaseAll(): void {
    for (const account of this.#accounts) {
      if (account === undefined) continue;
      account.outstandingMessages = 0;
      account.outstandingBytes = 0;
      const { puller } = account;
      if (puller === undefined) this.#freeAccount(account);
      else this.#refresh(puller);
    }
    for (const puller of this.#pullers.values()) puller.lastRuns = [];
  }

  /** The puller of that id, also after it has closed, as long as what it was given last can be returned. */
  get(id: PullerId): Puller | undefined {
    return this.#pullers.get(id);
  }

  open(event: Event & { kind: "opened" }): void {
    assert(!this.#pullers.has(event.puller), "a puller is opened once");
    const puller: Puller = {
      id: event.puller,
      clientId: event.clientId,
      account: this.#adoptAccount(event.clientId),
      outstandingMessagesMax: event.maxOutstandingMessages,
      outstandingBytesMax: event.maxOutstandingBytes,
      isOnce: event.isOnce,
      isKeyExclusive: event.isKeyExclusive,
      leaseMs: event.leaseMs,
      isOpen: true,
      readyMessages: 0,
      readyBytes: 0,
      hasCredit: false,
      lastGeneration: 0,
      lastRuns: [],
    };
    puller.account.puller = puller;
    this.#pullers.set(puller.id, puller);
    this.#openCount += 1;
    this.#refresh(puller);
  }

  setReady(puller: Puller, maxMessages: number, maxBytes: number): void {
    puller.readyMessages = maxMessages;
    puller.readyBytes = maxBytes;
    this.#refresh(puller);
  }

  /** Its leases stay. Does nothing when it is closed already. */
  close(puller: Puller): void {
    if (!puller.isOpen) return;
    puller.isOpen = false;
    puller.readyMessages = 0;
    this.#openCount -= 1;
    this.#refresh(puller);
    const { account } = puller;
    account.puller = undefined;
    if (account.outstandingMessages === 0) {
      this.#pullers.delete(puller.id);
      this.#freeAccount(account);
      return;
    }
    // A unary pull is closed by its delivery; whether that could be written shows later.
    if (puller.isOnce) account.closedId = puller.id;
    else this.#pullers.delete(puller.id);
    if (puller.clientId !== "" && !this.#orphans.has(puller.clientId)) {
      account.clientId = puller.clientId;
      this.#orphans.set(puller.clientId, account);
    }
  }

  /** Counts what was handed to `puller`, and takes its readiness. */
  charge(puller: Puller, messageCount: number, bytes: number): void {
    puller.account.outstandingMessages += messageCount;
    puller.account.outstandingBytes += bytes;
    puller.readyMessages = 0;
    this.#refresh(puller);
  }

  /** One lease of the account has ended. */
  release(accountIndex: number, bytes: number): void {
    if (accountIndex === NO_ACCOUNT) return;
    const account = this.#accounts[accountIndex];
    assert(account !== undefined && account.outstandingMessages > 0, "a lease ends once");
    account.outstandingMessages -= 1;
    account.outstandingBytes -= bytes;
    const { puller } = account;
    if (puller === undefined) {
      if (account.outstandingMessages === 0) this.#freeAccount(account);
    } else if (!puller.hasCredit) this.#refresh(puller);
  }

  /** Sorts the puller in anew after its readiness, its credit or whether it is open has changed. */
  #refresh(puller: Puller): void {
    const { account } = puller;
    const hasCredit =
      puller.isOpen && account.outstandingMessages < puller.outstandingMessagesMax && freeBytes(puller) > 0;
    if (hasCredit !== puller.hasCredit) this.#creditedCount += hasCredit ? 1 : -1;
    puller.hasCredit = hasCredit;
    if (hasCredit && puller.readyMessages > 0) this.#takers.add(puller);
    else this.#takers.delete(puller);
  }

  /** The account the client left behind, or a new one. */
  #adoptAccount(clientId: string): Account {
    const orphan = clientId === "" ? undefined : this.#orphans.get(clientId);
    if (orphan !== undefined) {
      this.#orphans.delete(clientId);
      return orphan;
    }
    const index = this.#freeAccounts.pop() ?? this.#accounts.length;
    const account: Account = {
      index,
      outstandingMessages: 0,
      outstandingBytes: 0,
      puller: undefined,
      closedId: undefined,
      clientId: "",
    };
    this.#accounts[index] = account;
    return account;
  }

  #freeAccount(account: Account): void {
    if (account.closedId !== undefined) this.#pullers.delete(account.closedId);
    if (this.#orphans.get(account.clientId) === account) this.#orphans.delete(account.clientId);
    this.#accounts[account.index] = undefined;
    this.#freeAccounts.push(account.index);
  }
}
