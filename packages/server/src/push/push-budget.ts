/**
 * What all subscriptions together may have outstanding, so that endpoints which never answer take neither memory nor
 * sockets from the others. Pure.
 *
 * None may have more than what is left free: one alone gets half, ten greedy ones an eleventh each, and as much is
 * left for the next. Whoever has nothing outstanding may always have one; so whoever finds no credit has a request out,
 * and asks again when that ends.
 */
export interface BudgetLimits {
  readonly outstanding: number;
  readonly outstandingBytes: number;
}

/** What one subscription has of the budget. */
export interface BudgetShare {
  outstanding: number;
  bytes: number;
}

export class PushBudget {
  readonly #limits: BudgetLimits;
  #outstanding = 0;
  #bytes = 0;

  constructor(limits: BudgetLimits) {
    this.#limits = limits;
  }

  get outstanding(): number {
    return this.#outstanding;
  }

  /** How many more requests a subscription may begin now; 0 or more. */
  credit(share: BudgetShare): number {
    const { outstanding, outstandingBytes } = this.#limits;
    const isFull = share.bytes > 0 && share.bytes >= outstandingBytes - this.#bytes;
    const left = isFull ? 0 : Math.floor((outstanding - this.#outstanding - share.outstanding) / 2);
    return Math.max(left, share.outstanding === 0 ? 1 : 0);
  }

  take(share: BudgetShare, bytes: number): void {
    share.outstanding += 1;
    share.bytes += bytes;
    this.#outstanding += 1;
    this.#bytes += bytes;
  }

  /** Gives back what `take` took. */
  release(share: BudgetShare, bytes: number): void {
    share.outstanding -= 1;
    share.bytes -= bytes;
    this.#outstanding -= 1;
    this.#bytes -= bytes;
  }
}
