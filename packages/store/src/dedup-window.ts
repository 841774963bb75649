import { type LogRef, type Pos, STORAGE_LIMITS } from "./storage.js";

/**
 * Remembers the positions of appends with a `dedupId` for at least the window and at most twice as long: two
 * generations, the older one forgotten whole, so that no entry needs a timer.
 */
export class DedupWindow {
  readonly #monotonicMs: () => number;
  #young = new Map<string, Pos>();
  #old = new Map<string, Pos>();
  #turnAtMs: number;

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
    this.#turnAtMs = monotonicMs() + STORAGE_LIMITS.dedupWindowMs;
  }

  get(log: LogRef, dedupId: string): Pos | undefined {
    this.#turn();
    const key = dedupKey(log, dedupId);
    return this.#young.get(key) ?? this.#old.get(key);
  }

  add(log: LogRef, dedupId: string, pos: Pos): void {
    this.#turn();
    this.#young.set(dedupKey(log, dedupId), pos);
  }

  #turn(): void {
    const nowMs = this.#monotonicMs();
    if (nowMs < this.#turnAtMs) return;
    const isAllStale = nowMs >= this.#turnAtMs + STORAGE_LIMITS.dedupWindowMs;
    this.#old = isAllStale ? new Map() : this.#young;
    this.#young = new Map();
    this.#turnAtMs = nowMs + STORAGE_LIMITS.dedupWindowMs;
  }
}

function dedupKey(log: LogRef, dedupId: string): string {
  return `${log.kind}/${log.id}/${log.part}/${dedupId}`;
}
