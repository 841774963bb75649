import * as fs from "node:fs";
import * as fsPromises from "node:fs/promises";
import type { Disk, DiskFile } from "./disk.js";

/** The real disk. Every call goes through libuv's pool; none blocks the event loop. */
export const nodeDisk: Disk = {
  open: (path, options) =>
    new Promise((resolve, reject) => {
      const flags = fs.constants.O_RDWR | (options.create ? fs.constants.O_CREAT : 0);
      fs.open(path, flags, 0o600, (error, descriptor) => {
        if (error === null) resolve(new NodeFile(descriptor));
        else reject(error);
      });
    }),
  list: (directory) => fsPromises.readdir(directory),
  makeDirectory: async (path) => {
    await fsPromises.mkdir(path, { recursive: true, mode: 0o700 });
  },
  rename: (from, to) => fsPromises.rename(from, to),
  unlink: (path) => fsPromises.unlink(path),
  syncDirectory: async (path) => {
    // Windows cannot open a directory; its file systems journal their entries.
    if (process.platform === "win32") return;
    const handle = await fsPromises.open(path, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
  freeBytes: async (path) => {
    const stats = await fsPromises.statfs(path);
    return stats.bavail * stats.bsize;
  },
};

class NodeFile implements DiskFile {
  readonly #descriptor: number;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  async write(buffers: readonly Uint8Array[], position: number): Promise<void> {
    let rest = buffers;
    let at = position;
    while (rest.length > 0) {
      const written = await this.#writeSome(rest, at);
      at += written;
      rest = without(rest, written);
    }
  }

  read(into: Uint8Array, position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      fs.read(this.#descriptor, into, 0, into.byteLength, position, (error, bytesRead) => {
        if (error === null) resolve(bytesRead);
        else reject(error);
      });
    });
  }

  datasync(): Promise<void> {
    return new Promise((resolve, reject) => {
      fs.fdatasync(this.#descriptor, (error) => (error === null ? resolve() : reject(error)));
    });
  }

  truncate(sizeBytes: number): Promise<void> {
    return new Promise((resolve, reject) => {
      fs.ftruncate(this.#descriptor, sizeBytes, (error) => (error === null ? resolve() : reject(error)));
    });
  }

  size(): Promise<number> {
    return new Promise((resolve, reject) => {
      fs.fstat(this.#descriptor, (error, stats) => (error === null ? resolve(stats.size) : reject(error)));
    });
  }

  close(): Promise<void> {
    return new Promise((resolve, reject) => {
      fs.close(this.#descriptor, (error) => (error === null || error === undefined ? resolve() : reject(error)));
    });
  }

  #writeSome(buffers: readonly Uint8Array[], position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const done = (error: Error | null, written: number) => (error === null ? resolve(written) : reject(error));
      const [first] = buffers;
      if (buffers.length === 1) fs.write(this.#descriptor, first!, 0, first!.byteLength, position, done);
      else fs.writev(this.#descriptor, buffers, position, done);
    });
  }
}

/** What is left of `buffers` after their first `bytes`; empty ones fall away. */
function without(buffers: readonly Uint8Array[], bytes: number): readonly Uint8Array[] {
  let index = 0;
  let skip = bytes;
  while (index < buffers.length && buffers[index]!.byteLength <= skip) {
    skip -= buffers[index]!.byteLength;
    index += 1;
  }
  const rest = buffers.slice(index);
  if (skip > 0) rest[0] = rest[0]!.subarray(skip);
  return rest;
}
