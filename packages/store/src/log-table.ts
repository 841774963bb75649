import type { LogRef } from "./storage.js";

/** What a `LogTable` holds for one log. `next` chains the logs that share an id; only the table touches it. */
export interface LogSlot<T> extends LogRef {
  next: T | undefined;
}

/**
 * Finds the state of a log by its name, without building a string per look-up: ids come as strings whose hash V8 has
 * kept, and the few logs that share an id (its kinds and parts) are a chain.
 */
export class LogTable<T extends LogSlot<T>> implements Iterable<T> {
  readonly #byId = new Map<string, T>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(log: LogRef): T | undefined {
    let slot = this.#byId.get(log.id);
    while (slot !== undefined && (slot.kind !== log.kind || slot.part !== log.part)) slot = slot.next;
    return slot;
  }

  add(slot: T): void {
    slot.next = this.#byId.get(slot.id);
    this.#byId.set(slot.id, slot);
    this.#size += 1;
  }

  delete(slot: T): void {
    let previous: T | undefined;
    let current = this.#byId.get(slot.id);
    while (current !== undefined && current !== slot) {
      previous = current;
      current = current.next;
    }
    if (current === undefined) return;
    if (previous !== undefined) previous.next = slot.next;
    else if (slot.next !== undefined) this.#byId.set(slot.id, slot.next);
    else this.#byId.delete(slot.id);
    slot.next = undefined;
    this.#size -= 1;
  }

  *[Symbol.iterator](): Iterator<T> {
    for (const first of this.#byId.values()) {
      for (let slot: T | undefined = first; slot !== undefined; slot = slot.next) yield slot;
    }
  }
}

/** One line that names a log, for errors and the log. */
export function formatLog(log: LogRef): string {
  return `${log.kind}/${log.id}/${log.part}`;
}
