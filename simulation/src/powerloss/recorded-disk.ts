import { type Disk, type DiskFile, nodeDisk } from "@peal/store";

/** What was done to a disk, in the order in which it was done. Files are known by number, since names change. */
export type DiskOperation =
  | { readonly kind: "write"; readonly file: number; readonly position: number; readonly bytes: Buffer }
  | { readonly kind: "truncate"; readonly file: number; readonly sizeBytes: number }
  | { readonly kind: "sync"; readonly file: number }
  | { readonly kind: "create"; readonly file: number; readonly path: string }
  | { readonly kind: "rename"; readonly from: string; readonly to: string }
  | { readonly kind: "unlink"; readonly path: string }
  | { readonly kind: "makeDirectory"; readonly path: string }
  | { readonly kind: "syncDirectory"; readonly path: string };

/** Bugs that can be planted, so that the harness proves it would find them. */
export type PlantedBug = "none" | "skipSyncs" | "skipDirectorySyncs";

/**
 * The real disk, with a record of every write, sync and directory operation. An operation is recorded when it is done: a
 * sync then covers all that was recorded before it. What a planted bug skips, the engine believes to have happened.
 */
export class RecordedDisk implements Disk {
  readonly operations: DiskOperation[] = [];
  readonly #bug: PlantedBug;
  readonly #files = new Map<string, number>();
  #nextFile = 1;

  constructor(bug: PlantedBug) {
    this.#bug = bug;
  }

  async open(path: string, options: { readonly create: boolean }): Promise<DiskFile> {
    const real = await nodeDisk.open(path, options);
    let file = this.#files.get(path);
    if (file === undefined) {
      file = this.#nextFile;
      this.#nextFile += 1;
      this.#files.set(path, file);
      this.operations.push({ kind: "create", file, path });
    }
    return new RecordedFile(this, this.#bug, file, real);
  }

  list(directory: string): Promise<string[]> {
    return nodeDisk.list(directory);
  }

  async makeDirectory(path: string): Promise<void> {
    await nodeDisk.makeDirectory(path);
    this.operations.push({ kind: "makeDirectory", path });
  }

  async rename(from: string, to: string): Promise<void> {
    await nodeDisk.rename(from, to);
    const file = this.#files.get(from);
    if (file === undefined) throw new Error(`${from} is renamed, but was never opened`);
    this.#files.delete(from);
    this.#files.set(to, file);
    this.operations.push({ kind: "rename", from, to });
  }

  async unlink(path: string): Promise<void> {
    await nodeDisk.unlink(path);
    this.#files.delete(path);
    this.operations.push({ kind: "unlink", path });
  }

  async syncDirectory(path: string): Promise<void> {
    await nodeDisk.syncDirectory(path);
    if (this.#bug !== "skipDirectorySyncs") this.operations.push({ kind: "syncDirectory", path });
  }

  freeBytes(path: string): Promise<number> {
    return nodeDisk.freeBytes(path);
  }
}

class RecordedFile implements DiskFile {
  readonly #disk: RecordedDisk;
  readonly #bug: PlantedBug;
  readonly #file: number;
  readonly #real: DiskFile;

  constructor(disk: RecordedDisk, bug: PlantedBug, file: number, real: DiskFile) {
    this.#disk = disk;
    this.#bug = bug;
    this.#file = file;
    this.#real = real;
  }

  async write(buffers: readonly Uint8Array[], position: number): Promise<void> {
    const bytes = Buffer.concat(buffers);
    // Recorded before it is done: a power loss may come while it is under way.
    this.#disk.operations.push({ kind: "write", file: this.#file, position, bytes });
    await this.#real.write([bytes], position);
  }

  read(into: Uint8Array, position: number): Promise<number> {
    return this.#real.read(into, position);
  }

  async datasync(): Promise<void> {
    await this.#real.datasync();
    if (this.#bug !== "skipSyncs") this.#disk.operations.push({ kind: "sync", file: this.#file });
  }

  async truncate(sizeBytes: number): Promise<void> {
    this.#disk.operations.push({ kind: "truncate", file: this.#file, sizeBytes });
    await this.#real.truncate(sizeBytes);
  }

  size(): Promise<number> {
    return this.#real.size();
  }

  close(): Promise<void> {
    return this.#real.close();
  }
}
