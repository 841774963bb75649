/** A store whose commits and reads can be made to fail, wait or be watched. */
import type { LogRecord, LogRef, ReadOptions, Storage, Write } from "@peal/store";

export class FaultyStorage implements Storage {
  readonly atomic: boolean;
  /** Called before each commit; what it throws is the commit's answer, and nothing is written. */
  beforeCommit: (writes: readonly Write[]) => void | Promise<void> = () => undefined;
  /** Called before each read of records. */
  beforeRead: (log: LogRef) => void | Promise<void> = () => undefined;
  readonly commits: (readonly Write[])[] = [];
  reads = 0;
  readonly #inner: Storage;

  constructor(inner: Storage) {
    this.#inner = inner;
    this.atomic = inner.atomic;
  }

  async commit(writes: readonly Write[]): Promise<number[]> {
    const wait = this.beforeCommit(writes);
    if (wait !== undefined) await wait;
    this.commits.push(writes);
    return this.#inner.commit(writes);
  }

  async read(log: LogRef, after: number, options: ReadOptions): Promise<readonly LogRecord[]> {
    this.reads += 1;
    await this.beforeRead(log);
    return this.#inner.read(log, after, options);
  }

  tail(log: LogRef): number {
    return this.#inner.tail(log);
  }

  head(log: LogRef): number {
    return this.#inner.head(log);
  }

  seekTime(log: LogRef, timeMs: number): Promise<number> {
    return this.#inner.seekTime(log, timeMs);
  }

  get(key: string): ReturnType<Storage["get"]> {
    return this.#inner.get(key);
  }

  list(prefix: string): ReturnType<Storage["list"]> {
    return this.#inner.list(prefix);
  }

  follow(...given: Parameters<Storage["follow"]>): ReturnType<Storage["follow"]> {
    return this.#inner.follow(...given);
  }

  watch(...given: Parameters<Storage["watch"]>): ReturnType<Storage["watch"]> {
    return this.#inner.watch(...given);
  }

  logs(kind: LogRef["kind"]): ReturnType<Storage["logs"]> {
    return this.#inner.logs(kind);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}
