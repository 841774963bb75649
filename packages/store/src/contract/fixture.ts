import assert from "node:assert/strict";
import type { LogRecord, LogRef, Storage, Write } from "../storage.js";
import { StorageError, type StorageErrorCode } from "../storage-error.js";

/** One engine under test. */
export interface StoreHarness {
  readonly storage: Storage;
  /** Closes the engine and opens the same data again. */
  reopen(): Promise<Storage>;
  /** Moves the engine's clock on. */
  advanceMs(ms: number): void;
  /** Closes what is open and removes the data. */
  destroy(): Promise<void>;
}

/** What an engine declares; each is either tested or tested for its absence. */
export interface StoreCapabilities {
  /** Positions of a log have no gaps. */
  readonly dense: boolean;
  /** Closing and opening again keeps everything. */
  readonly durable: boolean;
}

export type MakeHarness = () => Promise<StoreHarness>;

/** The engine of the test at hand, and names nobody else uses. */
export class Fixture {
  readonly #make: MakeHarness;
  #harness: StoreHarness | undefined;
  #nextId = 0;

  constructor(make: MakeHarness) {
    this.#make = make;
  }

  async open(): Promise<Storage> {
    this.#harness = await this.#make();
    return this.#harness.storage;
  }

  async reopen(): Promise<Storage> {
    return await this.#harness!.reopen();
  }

  advanceMs(ms: number): void {
    this.#harness!.advanceMs(ms);
  }

  log(kind: LogRef["kind"] = "topic", part = 0): LogRef {
    this.#nextId += 1;
    return { kind, id: `log-${this.#nextId}`, part };
  }

  async reset(): Promise<void> {
    await this.#harness?.destroy();
    this.#harness = undefined;
  }
}

export const text = (value: string): Uint8Array => Buffer.from(value);
export const words = (records: readonly LogRecord[]): string[] =>
  records.map((record) => Buffer.from(record.data).toString());
export const ALL = { maxBytes: Number.MAX_SAFE_INTEGER };

export function append(
  log: LogRef,
  value: string,
  more: { count?: number; timeMs?: number; dedupId?: string } = {},
): Write {
  const { count = 1, timeMs = 1, dedupId } = more;
  return { kind: "append", log, data: text(value), count, timeMs, ...(dedupId === undefined ? {} : { dedupId }) };
}

export function appendIf(log: LogRef, previous: number, value: string, replace = false): Write {
  return { kind: "appendIf", log, previous, data: text(value), timeMs: 1, replace };
}

export function put(key: string, value: string | null, revision: number | null): Write {
  return { kind: "put", key, value: value === null ? null : text(value), revision };
}

export async function one(storage: Storage, write: Write): Promise<number> {
  const [result] = await storage.commit([write]);
  return result!;
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

export async function value(storage: Storage, key: string): Promise<string | undefined> {
  const entry = await storage.get(key);
  return entry === undefined ? undefined : Buffer.from(entry.value).toString();
}

export async function refused(promise: Promise<unknown>, code: StorageErrorCode): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof StorageError, String(error));
    assert.equal(error.code, code, error.message);
    return true;
  });
}
