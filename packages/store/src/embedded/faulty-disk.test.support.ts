/** For tests: a real disk that can be told to be full or broken. */
import type { Disk, DiskFile } from "./disk.js";
import { nodeDisk } from "./node-disk.js";

export class FaultyDisk implements Disk {
  /** Bytes of the log's growth that still fit; undefined for any number. */
  roomBytes: number | undefined;
  /** How many syncs of files succeed before each one fails; undefined for all. */
  syncsLeft: number | undefined;
  /** What `freeBytes` says. */
  freeBytesLeft = Number.MAX_SAFE_INTEGER;
  syncs = 0;

  async open(path: string, options: { readonly create: boolean }): Promise<DiskFile> {
    return new FaultyFile(this, await nodeDisk.open(path, options));
  }

  list = nodeDisk.list;
  makeDirectory = nodeDisk.makeDirectory;
  rename = nodeDisk.rename;
  unlink = nodeDisk.unlink;
  syncDirectory = nodeDisk.syncDirectory;

  async freeBytes(): Promise<number> {
    return this.freeBytesLeft;
  }
}

class FaultyFile implements DiskFile {
  readonly #disk: FaultyDisk;
  readonly #file: DiskFile;

  constructor(disk: FaultyDisk, file: DiskFile) {
    this.#disk = disk;
    this.#file = file;
  }

  /** Writes what fits beyond the file's end, like a disk that fills up in the middle. */
  async write(buffers: readonly Uint8Array[], position: number): Promise<void> {
    const bytes = Buffer.concat(buffers);
    const growth = Math.max(0, position + bytes.byteLength - Math.max(await this.#file.size(), position));
    const room = this.#disk.roomBytes;
    if (room === undefined || growth <= room) {
      if (room !== undefined) this.#disk.roomBytes = room - growth;
      return await this.#file.write([bytes], position);
    }
    this.#disk.roomBytes = 0;
    await this.#file.write([bytes.subarray(0, bytes.byteLength - growth + room)], position);
    throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
  }

  read(into: Uint8Array, position: number): Promise<number> {
    return this.#file.read(into, position);
  }

  async datasync(): Promise<void> {
    this.#disk.syncs += 1;
    const left = this.#disk.syncsLeft;
    if (left !== undefined && left <= 0) throw Object.assign(new Error("EIO: i/o error, fdatasync"), { code: "EIO" });
    if (left !== undefined) this.#disk.syncsLeft = left - 1;
    await this.#file.datasync();
  }

  truncate(sizeBytes: number): Promise<void> {
    return this.#file.truncate(sizeBytes);
  }

  size(): Promise<number> {
    return this.#file.size();
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
