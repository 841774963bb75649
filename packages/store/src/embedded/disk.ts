/**
 * The embedded engine's only way to files of the log. The real one is `node-disk.ts`; tests and the power-loss harness
 * bring their own, which fail, record and forget. Errors are Node's, with their `code` (`ENOSPC`, `EIO`, …).
 */
export interface Disk {
  /** Opens a file for reading and writing, and creates it where `create` says so. */
  open(path: string, options: { readonly create: boolean }): Promise<DiskFile>;
  /** The names of a directory's entries, unordered. */
  list(directory: string): Promise<string[]>;
  makeDirectory(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  /** Makes the entries of a directory durable: what was created, renamed and unlinked in it. */
  syncDirectory(path: string): Promise<void>;
  /** Bytes that this process may still allocate on the disk of `path`. */
  freeBytes(path: string): Promise<number>;
}

export interface DiskFile {
  /** Writes all the bytes from `position` on, or fails with part of them written. */
  write(buffers: readonly Uint8Array[], position: number): Promise<void>;
  /** @returns How many bytes were read; less than asked for only at the end of the file. */
  read(into: Uint8Array, position: number): Promise<number>;
  /** Makes what was written durable, and the size with it. */
  datasync(): Promise<void>;
  truncate(sizeBytes: number): Promise<void>;
  size(): Promise<number>;
  close(): Promise<void>;
}

/** Whether an error says that there is no room, as opposed to a broken disk. */
export function isNoSpace(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "ENOSPC" || code === "EDQUOT";
}

export function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
